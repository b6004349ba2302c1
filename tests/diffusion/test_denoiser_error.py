import pytest
import torch

from medrecon.diffusion.analytic import GaussianMixture
from medrecon.diffusion.denoiser_error import DenoiserError, measured_error
from medrecon.diffusion.path import VE, VP
from medrecon.diffusion.prior import Prior

V = 0.3


def isotropic():
    eye = torch.eye(24, dtype=torch.float64)
    return GaussianMixture((3, 4), torch.ones(1).double(), torch.zeros(1, 24).double(), V * eye[None])


@pytest.mark.parametrize("path", [VE(), VP()])
def test_of_an_isotropic_gaussian_it_is_the_posterior_deviation_on_any_path(path):
    """sqrt(sigma^2 v / (sigma^2 + v)), which is also what a prior without a measurement assumes."""
    prior = isotropic().prior(path)
    sigma = torch.logspace(-2, 0.5, 12, dtype=torch.float64)
    unmeasured = Prior(prior.denoise, path, V, prior.levels)
    assert torch.allclose(prior.spread(sigma), unmeasured.spread(sigma), rtol=0.04)


def test_between_and_beyond_its_levels():
    error = DenoiserError((0.01, 1.0), (0.005, 0.05))
    found = error(torch.tensor([0.0, 0.001, 0.01, 0.1, 1.0, 7.0], dtype=torch.float64))
    expected = torch.tensor([0.0, 0.0005, 0.005, 0.005 * 10**0.5, 0.05, 0.05], dtype=torch.float64)
    assert torch.allclose(found, expected)
    assert error(torch.ones(2, 1, 1)).shape == (2, 1, 1)


def test_only_the_pixels_asked_for_count():
    """A denoiser that is right in one half and returns nothing in the other."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.ones(2, 4, 6, dtype=torch.complex64)
    half = torch.zeros(clean.shape, dtype=torch.bool)
    half[..., :3] = True

    def denoise(x, t):
        return torch.where(half, 0.0, clean)

    whole = measured_error(denoise, VE(), [clean], [0.1, 1.0], generator)
    part = measured_error(denoise, VE(), [clean], [0.1, 1.0], generator, [half])
    assert part.errors == pytest.approx((0.5**0.5, 0.5**0.5))
    assert whole.errors == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("bad", [((1.0,), (1.0,)), ((1.0, 1.0), (1.0, 1.0)), ((1.0, 2.0), (0.0, 1.0))])
def test_what_is_no_table_is_refused(bad):
    with pytest.raises(ValueError, match="level"):
        DenoiserError(*bad)
