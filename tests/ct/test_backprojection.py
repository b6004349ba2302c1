"""Filtered backprojection: a phantom comes back in HU, in place, from both geometries."""

import pytest
import torch
from torch import Tensor

from medrecon.ct.backprojection import filtered_backprojection
from medrecon.ct.filters import ramp
from medrecon.ct.hounsfield import WATER, to_attenuation, to_hounsfield
from medrecon.operators.fan_beam import FanGeometry
from medrecon.operators.parallel_beam import ParallelGeometry

N, PIXEL = 160, 2.0
GEOMETRIES = [FanGeometry(320, 184, 4 * 1.2858 / 1085.6), ParallelGeometry(260, 184, 2.0)]


def radius(n: int, pixel_mm: float, y: float = 0.0, x: float = 0.0) -> Tensor:
    along = (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * pixel_mm
    return torch.hypot(along[:, None] - y, along - x)


def disc(size: float, y: float = 0.0, x: float = 0.0) -> Tensor:
    fine = (radius(8 * N, PIXEL / 8, y, x) < size).double()
    return fine.reshape(N, 8, N, 8).mean((1, 3))


@pytest.fixture(scope="module")
def phantom() -> Tensor:
    """A water cylinder of 220 mm with an insert of +100 HU at (y, x) = (-40, 60) mm."""
    return (-1000 + 1000 * disc(110) + 100 * disc(16, -40, 60)).float()


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("kernel", ["ramp", "hann"])
def test_water_air_and_an_insert(phantom, geometry, kernel):
    projector = geometry.projector((N, N), (PIXEL, PIXEL))
    image = to_hounsfield(filtered_backprojection(projector, kernel)(projector(to_attenuation(phantom))))
    centre, insert = radius(N, PIXEL), radius(N, PIXEL, -40, 60)
    water = (centre < 98) & (insert > 26)
    assert abs(float(image[water].mean())) < 0.3
    rings = [image[water & (centre >= low) & (centre < low + 14)].mean() for low in range(0, 98, 14)]
    assert float(torch.stack(rings).abs().max()) < 2
    air = (centre > 122) & (centre < 150)
    assert abs(float(image[air].mean()) + 1000) < 0.5
    assert float(image[insert < 8].mean()) == pytest.approx(100, abs=2)
    if kernel == "hann":
        assert float(image[water].abs().max()) < 6
        assert float((image[air] + 1000).abs().max()) < 6


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_pixels_need_not_be_square(phantom, geometry):
    tall = phantom.reshape(N, N // 2, 2).mean(-1)
    projector = geometry.projector((N, N // 2), (PIXEL, 2 * PIXEL))
    image = to_hounsfield(filtered_backprojection(projector, "hann")(projector(to_attenuation(tall))))
    inside = radius(N, PIXEL).reshape(N, N // 2, 2).amax(-1) < 80
    away = radius(N, PIXEL, -40, 60).reshape(N, N // 2, 2).amin(-1) > 26
    assert abs(float(image[inside & away].mean())) < 1


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_linear_and_the_same_alone_as_in_a_stack(geometry):
    projector = geometry.projector((40, 33), (8.0, 9.0))
    back = filtered_backprojection(projector)
    sinograms = torch.randn(2, 3, *projector.out_shape, generator=torch.Generator().manual_seed(0))
    images = back(sinograms)
    assert images.shape == (2, 3, 40, 33)
    torch.testing.assert_close(images[1, 2], back(sinograms[1, 2]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(back(2 * sinograms[0] - sinograms[1]), 2 * images[0] - images[1], rtol=1e-4, atol=1e-5)


def test_the_ramp_has_almost_no_zero_frequency_but_some():
    taps = ramp(256, 1.0, "cpu")
    assert float(taps[255]) == 0.25
    assert 0 < float(taps.sum()) < 1e-3  # truncation leaves 1 / (pi^2 n), which cancels the cupping of a sampled |f|
    response = torch.fft.rfft(taps).abs()
    torch.testing.assert_close(response[50:], torch.fft.rfftfreq(511).double()[50:], rtol=0, atol=2e-3)


def test_a_narrower_window_is_smoother():
    projector = GEOMETRIES[1].projector((64, 64), (5.0, 5.0))
    noise = torch.randn(projector.out_shape, generator=torch.Generator().manual_seed(0))
    spread = [
        float(filtered_backprojection(projector, kernel, cutoff)(noise).std())
        for kernel, cutoff in (("ramp", 1.0), ("hann", 1.0), ("hann", 0.5))
    ]
    assert spread[0] > 1.5 * spread[1] > 2 * spread[2]


def test_unknown_kernels_and_wrong_sinograms():
    projector = GEOMETRIES[0].projector((8, 8), (5.0, 5.0))
    with pytest.raises(ValueError, match="choose ramp or hann"):
        filtered_backprojection(projector, "sharp")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Nyquist"):
        filtered_backprojection(projector, "hann", 0)
    with pytest.raises(ValueError, match="got"):
        filtered_backprojection(projector)(torch.zeros(3, 3))


def test_hounsfield_there_and_back():
    hu = torch.linspace(-1000, 3000, 401)
    torch.testing.assert_close(to_hounsfield(to_attenuation(hu)), hu, rtol=0, atol=1e-3)
    assert float(to_attenuation(torch.tensor(0.0))) == pytest.approx(WATER)
    assert float(to_attenuation(torch.tensor(-2000.0))) == 0
