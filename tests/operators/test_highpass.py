"""F_h is the projector off a centred band (specification H1)."""

import pytest
import torch
from properties import noise

from medrecon.operators import Fourier, HighPass, Identity, fft2c, ifft2c

CASES = [((8, 6), 2, ("y",)), ((9, 7), 3, ("x",)), ((9, 8), 4, ("y", "x")), ((8, 9), 0, ("y",)), ((5, 7), 5, ("y",))]


def low_band(size: tuple[int, int], band: int, axes: tuple[str, ...]) -> torch.Tensor:
    inside = [
        (torch.arange(n) >= n // 2 - band // 2) & (torch.arange(n) < n // 2 - band // 2 + band)
        if axis in axes
        else torch.ones(n, dtype=torch.bool)
        for axis, n in zip("yx", size, strict=True)
    ]
    return inside[0][:, None] & inside[1][None, :]


@pytest.mark.parametrize(("size", "band", "axes"), CASES)
def test_projects_off_the_band(size, band, axes):
    high, x = HighPass((2, *size), band, axes), noise(2, *size)
    low = ifft2c(fft2c(x) * low_band(size, band, axes))
    assert torch.allclose(high(x) + low, x, atol=1e-12)
    assert torch.allclose(high(high(x)), high(x), atol=1e-12)
    assert high(low).abs().max() < 1e-12
    assert high.H is high
    assert high.gram is high
    assert torch.allclose((Identity((2, *size)) - high)(x), low, atol=1e-12)


def test_leaves_its_input_alone():
    x = noise(6, 5)
    before = x.clone()
    HighPass((6, 5), 2, ("y",))(x)
    assert torch.equal(x, before)


def test_commutes_with_fourier_projection_of_the_released_band():
    size, band = (6, 320), 16
    kept = Fourier(size)(HighPass(size, band, ("x",))(noise(*size)))
    assert kept[:, 152:168].abs().max() < 1e-12
    assert kept[:, [151, 168]].abs().min() > 0


@pytest.mark.parametrize(("band", "axes"), [(9, ("y",)), (-1, ("x",)), (2, ()), (2, ("z",))])
def test_bands_that_do_not_fit_are_refused(band, axes):
    with pytest.raises(ValueError, match="band"):
        HighPass((8, 6), band, axes)
