import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from medrecon.diffusion.streams import Streams
from medrecon.mri.deviation import WIDTH, local_deviation
from medrecon.mri.method import Solution

SHAPE = (48, 61)


def test_variances_are_averaged_as_scipy_does_away_from_the_edges():
    magnitudes = torch.rand(3, 2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    variance = magnitudes.numpy().var(0)
    expected = np.sqrt(gaussian_filter(variance, (0, WIDTH, WIDTH), radius=(0, 5, 5)))
    inner = np.s_[:, 5:-5, 5:-5]
    assert np.allclose(local_deviation(magnitudes).numpy()[inner], expected[inner], rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), SHAPE])
def test_an_even_deviation_stays_even_up_to_the_edges(shape):
    magnitudes = torch.tensor([1.0, 5.0]).reshape(2, 1, 1, 1).expand(2, 1, *shape)
    assert torch.allclose(local_deviation(magnitudes), torch.full((1, *shape), 2.0))


def test_pairs_of_draws_give_the_true_deviation():
    """Of a normal of width 0.3 drawn eight times: unbiased, and from pixel to pixel within a few per cent."""
    noise = Streams(0, "case", (0,) * 8, range(8)).normal(0, (128, 128)).real
    found = local_deviation(10 + 0.3 * noise[:, None])
    assert found.square().mean().sqrt() == pytest.approx(0.3, rel=0.01)
    assert found.std() / found.mean() < 0.12
    assert (10 + 0.3 * noise).std(0).std() / 0.3 > 0.25


def test_a_solution_scales_the_deviation_of_its_magnitudes():
    samples = torch.randn(4, 1, *SHAPE, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    std = Solution(samples, temperature=1.4).std
    assert std is not None
    assert torch.allclose(std, 1.4 * local_deviation(samples.abs()))
    assert Solution(samples[:1]).std is None
