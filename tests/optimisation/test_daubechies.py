import numpy as np
import pytest
import pywt
import torch

from medrecon.optimisation.daubechies import Daubechies2

SIZES = [(32, 48), (33, 47), (23, 18), (5, 9), (3, 17), (2, 2)]


def image(shape, seed=0):
    return torch.randn(2, *shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SIZES)
def test_perfect_reconstruction_both_ways(shape):
    transform, x = Daubechies2(shape, 4), image(shape)
    torch.testing.assert_close(transform.H(transform(x)), x, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(transform(transform.H(x)), x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", SIZES)
def test_adjoint(shape):
    transform, x, y = Daubechies2(shape, 3), image(shape), image(shape, 1)
    torch.testing.assert_close((transform(x).conj() * y).sum(), (x.conj() * transform.H(y)).sum(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_equals_pywavelets_on_even_sizes(levels):
    x = np.random.default_rng(0).standard_normal((32, 48))
    reference, _ = pywt.coeffs_to_array(pywt.wavedec2(x, "db2", "periodization", levels))
    np.testing.assert_allclose(Daubechies2((32, 48), levels)(torch.from_numpy(x)).numpy(), reference, atol=1e-12)


def test_details_of_a_linear_ramp_vanish_inside():
    transform = Daubechies2((32, 32), 1)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    details = transform((3 * y - 2 * x + 1).double())[16:, 16:]
    assert details[1:-1, 1:-1].abs().max() < 1e-10


def test_approximation_stands_in_the_corner():
    transform = Daubechies2((40, 28), 2)
    assert transform.approximation_shape == (10, 7)
    coefficients = transform(torch.ones(40, 28, dtype=torch.float64))
    torch.testing.assert_close(coefficients[:10, :7], torch.full((10, 7), 4.0, dtype=torch.float64))
    coefficients[:10, :7] = 0
    assert coefficients.abs().max() < 1e-12
