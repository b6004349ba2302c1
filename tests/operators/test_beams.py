"""Projectors of CT: adjoints, exact integrals, symmetries."""

import math

import pytest
import torch
from properties import DEVICES, adjointness, noise

from medrecon.operators.fan_beam import FanBeam, FanGeometry
from medrecon.operators.parallel_beam import ParallelBeam, ParallelGeometry

PARALLEL = ParallelGeometry(views=13, detectors=17, pitch_mm=4.0, start=0.1)
FAN = FanGeometry(views=12, detectors=15, pitch=0.04, source_mm=200.0, start=0.3)
GRIDS = [((8, 8), (5.0, 5.0)), ((7, 11), (5.0, 3.0)), ((16, 5), (2.0, 9.0)), ((1, 6), (4.0, 4.0))]
BEAMS = [PARALLEL, FAN]


def disc(n: int, pixel_mm: float, radius: float, centre: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
    """Coverage `(n, n)` float64 of a disc at (y, x) mm."""
    fine = (torch.arange(8 * n, dtype=torch.float64) - (8 * n - 1) / 2) * pixel_mm / 8
    covered = torch.hypot(fine[:, None] - centre[0], fine - centre[1]) < radius
    return covered.double().reshape(n, 8, n, 8).mean((1, 3))


@pytest.mark.parametrize("geometry", BEAMS)
@pytest.mark.parametrize(("shape", "pixel"), GRIDS)
def test_adjoint(geometry, shape, pixel):
    projector = geometry.projector(shape, pixel)
    assert projector.in_shape == shape
    assert projector.out_shape == (geometry.views, geometry.detectors)
    assert adjointness(projector, torch.float64) < 1e-12
    assert adjointness(projector, torch.float64, lead=(2, 3)) < 1e-12


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("geometry", BEAMS)
def test_adjoint_in_production_precision(geometry, device):
    assert adjointness(geometry.projector((9, 7), (5.0, 4.0)), torch.float32, device=device) < 1e-5


@pytest.mark.parametrize("geometry", BEAMS)
def test_blocks_of_views_change_nothing(geometry, monkeypatch):
    projector = geometry.projector((8, 9), (5.0, 5.0))
    x, y = noise(2, 8, 9, dtype=torch.float64), noise(2, *projector.out_shape, seed=1, dtype=torch.float64)
    whole = projector(x), projector.H(y)
    monkeypatch.setattr("medrecon.operators.rays.CPU_BLOCK", 1)
    torch.testing.assert_close(projector(x), whole[0], rtol=0, atol=0)
    torch.testing.assert_close(projector.H(y), whole[1], rtol=1e-14, atol=1e-12)


@pytest.mark.parametrize("geometry", BEAMS)
def test_gradient_is_the_adjoint_and_twice_differentiable(geometry):
    projector = geometry.projector((4, 5), (8.0, 8.0))
    x = noise(4, 5, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(projector, (x,))
    assert torch.autograd.gradgradcheck(projector, (x,))


@pytest.mark.parametrize("geometry", BEAMS)
def test_empty_stacks_pass(geometry):
    projector = geometry.projector((4, 5), (8.0, 8.0))
    assert projector(torch.zeros(0, 4, 5)).shape == (0, *projector.out_shape)


def test_rays_along_the_axes_are_sums_of_pixels_in_mm():
    image = noise(6, 6, dtype=torch.float64)
    geometry = ParallelGeometry(views=2, detectors=6, pitch_mm=3.0)
    sinogram = ParallelBeam((6, 6), (3.0, 3.0), geometry)(image)
    torch.testing.assert_close(sinogram[0], 3.0 * image.sum(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sinogram[1], 3.0 * image.sum(1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (1.0, 0.5)])
def test_chords_of_a_disc(pixel):
    radius, ny, nx = 40.0, 100, round(100 / pixel[1])
    image = disc(100, 1.0, radius)
    image = image if nx == ny else disc(200, 0.5, radius).reshape(100, 2, 200).mean(1)
    for geometry in (ParallelGeometry(30, 61, 1.5), FanGeometry(30, 61, 0.006, 250.0)):
        sinogram = geometry.projector((ny, nx), pixel)(image)
        distance = (
            geometry.positions("cpu")
            if isinstance(geometry, ParallelGeometry)
            else geometry.source_mm * geometry.fan_angles("cpu").sin()
        )
        chord = 2 * (radius**2 - distance**2).clamp_min(0).sqrt()
        inner = distance.abs() < radius - 4
        assert float((sinogram - chord)[:, inner].abs().max()) < 0.6
        assert float((sinogram - chord)[:, inner].mean().abs()) < 0.02
        assert float(sinogram[:, distance.abs() > radius + 1].abs().max()) < 1e-12


def test_detectors_count_along_x_and_views_turn_from_x_to_y():
    image = disc(101, 1.0, 3.0, centre=(0.0, 20.0))  # y = 0, x = 20
    sinogram = ParallelBeam((101, 101), (1.0, 1.0), ParallelGeometry(4, 101, 1.0))(image)
    assert sinogram.argmax(1).tolist() == [70, 50 + round(20 * math.cos(math.pi / 4)), 50, 50 - 14]


def test_a_fan_from_afar_is_a_parallel_beam():
    image, far = disc(64, 2.0, 20.0, centre=(9.0, 13.0)), 1e6
    fan = FanBeam((64, 64), (2.0, 2.0), FanGeometry(8, 41, 3.0 / far, far, offset=0.0))(image)
    parallel = ParallelBeam((64, 64), (2.0, 2.0), ParallelGeometry(4, 41, 3.0))(image)
    torch.testing.assert_close(fan[:4], parallel, rtol=0, atol=2e-2)
    torch.testing.assert_close(fan[4:], parallel.flip(-1), rtol=0, atol=2e-2)


def test_the_clinical_fan_sees_half_a_metre():
    assert FanGeometry().field_mm == pytest.approx(500, abs=3)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: FanBeam((512, 512), (5.0, 5.0), FanGeometry()), "source"),
        (lambda: FanBeam((8, 8), (5.0, 5.0), FanGeometry(pitch=0.1)), "fan"),
        (lambda: ParallelBeam((8, 8), (5.0, 0.0), ParallelGeometry()), "mm"),
        (lambda: ParallelBeam((8, 8), (5.0, 5.0), ParallelGeometry(pitch_mm=0)), "pitch"),
    ],
)
def test_impossible_scanners(build, words):
    with pytest.raises(ValueError, match=words):
        build()
