"""HFS-SDE's path is a scalar path in the high band and nothing at all in the low one (specification H2-H4)."""

import math

import pytest
import torch
from properties import noise

from medrecon.diffusion.high_band import HighBandPath
from medrecon.diffusion.path import VE, VP
from medrecon.operators import HighPass

BANDS = [((8, 9), 3, ("x",)), ((9, 6), 4, ("y",)), ((7, 10), 3, ("y", "x"))]
each_band = pytest.mark.parametrize(("size", "band", "axes"), BANDS)


def power(x):
    """Mean square per real component."""
    return float(x.abs().square().mean() / 2)


@each_band
@pytest.mark.parametrize("path", [VP(), VE()])
def test_the_low_band_stays_and_the_high_band_is_the_scalar_path(size, band, axes, path):
    high, x0, e = HighPass(size, band, axes), noise(3, *size), noise(3, *size, seed=1)
    t = torch.tensor([1e-3, 0.3, 1.0], dtype=torch.float64)
    x = HighBandPath(path, high).perturbed(x0, e, t)
    low = x - high(x)
    assert (low - (x0 - high(x0))).abs().max() < 1e-12
    level = t[:, None, None]
    assert torch.allclose(high(x), path.a(level) * high(x0) + path.b(level) * high(e), rtol=1e-12, atol=1e-12)
    single = HighBandPath(path, high).perturbed(x0.to(torch.complex64), e.to(torch.complex64), t.float())
    assert (single - high(single) - low).norm() < 1e-6 * low.norm()


def test_alpha_and_sigma_are_those_of_the_paper():
    path = VP()
    t = torch.tensor([0.0, 1e-3, 0.01, 0.1, 0.5, 1.0], dtype=torch.float64)
    assert path.a(t)[0] == 1
    assert path.a(t)[-1].item() == pytest.approx(0.00657, abs=5e-6)
    expected = torch.tensor([0.0, 0.01049, 0.04464, 0.32205, 0.95965, 0.99998], dtype=torch.float64)
    assert torch.allclose(path.b(t), expected, atol=5e-6)
    assert torch.allclose(path.a(t) ** 2 + path.b(t) ** 2, torch.ones_like(t), atol=1e-15)
    # without expm1 the last digits of b are gone here
    tiny = torch.tensor(1e-12, dtype=torch.float64)
    assert path.b(tiny).item() == pytest.approx(math.sqrt(0.1e-12), rel=1e-9)
    assert path.beta(t).tolist() == pytest.approx([0.1, 0.1199, 0.299, 2.09, 10.05, 20.0])


def test_the_closed_form_is_the_law_of_the_forward_equation():
    """Euler-Maruyama of dx = -beta F_h x / 2 dt + sqrt(beta) F_h dw; a large field stands for many paths."""
    path, steps, size, band = VP(), 1000, (128, 160), 12
    generator, high = torch.Generator().manual_seed(0), HighPass(size, band, ("x",))
    x0 = x = noise(*size) * 2**0.5
    share, found = 1 - band / size[1], {}
    for i in range(steps):
        beta = float(path.beta(torch.tensor((i + 0.5) / steps)))
        dw = torch.randn(2, *size, generator=generator, dtype=torch.float64)
        x = x + high((beta / steps) ** 0.5 * torch.complex(dw[0], dw[1]) - 0.5 * beta / steps * x)
        found[i + 1] = x
    for t in (0.1, 0.3, 1.0):
        level = torch.tensor(t, dtype=torch.float64)
        a, b = float(path.a(level)), float(path.b(level))
        x = found[round(t * steps)]
        assert power(high(x) - a * high(x0)) / (share * b**2) == pytest.approx(1.0, abs=0.01)
        assert ((x - x0) - high(x - x0)).abs().max() < 1e-12


@each_band
def test_variance_of_the_noise_is_the_share_of_the_high_band(size, band, axes):
    high = HighPass(size, band, axes)
    x = HighBandPath(VE(), high).perturbed(noise(1, *size) * 0, noise(4000, *size) * 2**0.5, torch.tensor(1.0))
    low = math.prod(band / n if axis in axes else 1 for axis, n in zip("yx", size, strict=True))
    assert power(x) == pytest.approx(1 - low, rel=0.01)


@each_band
def test_the_score_of_a_gaussian_is_exact(size, band, axes):
    """x_h ~ N(0, v F_h): s = -F_h x_t / (a^2 v + b^2), specification H6."""
    path, v, t = VP(), 1.7, torch.tensor([0.05, 0.6], dtype=torch.float64)
    high, x = HighPass(size, band, axes), noise(2, *size)
    a, b = path.a(t)[:, None, None], path.b(t)[:, None, None]
    x0 = (x - high(x)) + high(x) * a * v / (a**2 * v + b**2)
    expected = -high(x) / (a**2 * v + b**2)
    assert torch.allclose(HighBandPath(path, high).score(x, x0, t), expected, rtol=1e-10)


def test_one_band_an_image():
    size, x = (8, 9), noise(2, 8, 9)
    low = torch.zeros(2, *size, dtype=torch.bool)
    low[0, :, 3:6], low[1, 3:5, :] = True, True
    both = HighPass.outside(low)
    assert torch.allclose(both(x)[0], HighPass(size, 3, ("x",))(x[0]), atol=1e-14)
    assert torch.allclose(both(x)[1], HighPass(size, 2, ("y",))(x[1]), atol=1e-14)
    assert torch.allclose(both.fractions, torch.tensor([[1, 3 / 9], [2 / 8, 1]]))
    assert torch.allclose(both.fractions[0], HighPass(size, 3, ("x",)).fractions)
