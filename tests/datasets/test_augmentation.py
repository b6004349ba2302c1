import math

import pytest
import torch

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.augmentation.acquisition import Footprint, FootprintOptions, acquire, draw_footprint, readouts
from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.augmentation.geometry import GeometryOptions, warp
from medrecon.datasets.augmentation.intensity import IntensityOptions, recolour
from medrecon.datasets.augmentation.pathology import PathologyOptions, insert_lesion
from medrecon.datasets.augmentation.phase import PhaseOptions
from medrecon.datasets.augmentation.reference import ReferenceOptions
from medrecon.datasets.bank import CANVAS, slice_bank
from medrecon.datasets.volume import TrainingVolume


def draw(batch=4, seed=0):
    return Draw(batch, torch.Generator().manual_seed(seed))


def ball(n=24, voxel=(8.0, 8.0, 8.0), subject="a", name="a"):
    axes = [torch.linspace(-1, 1, n)] * 3
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return TrainingVolume(((z**2 + y**2 + x**2) < 0.7).float() * (1 + 0.2 * torch.cos(5 * x)), voxel, subject, name)


def footprint(fov, matrix, lines=None, readout=0):
    pair = lambda v: torch.tensor([v], dtype=torch.float32)  # noqa: E731
    return Footprint(pair(fov), pair(matrix), pair(lines or matrix), torch.tensor([readout]))


def millimetres(n, pixel):
    return ((torch.arange(n) - n / 2) * pixel)[None]


def test_same_grid_acquisition_is_the_identity():
    """An object on the very grid of the acquisition comes back as it was, shifted to where the read-out starts."""
    n = 96
    rng = torch.Generator().manual_seed(0)
    image = torch.randn(1, n, n, generator=rng, dtype=torch.complex64)
    mm = millimetres(n, 2.0)
    seen = footprint((n * 2.0, n * 2.0), (n, n))
    kspace = acquire(image, mm, mm, seen)
    out = readouts(kspace, seen, n, torch.tensor([[-n / 2, -n / 2]]))
    torch.testing.assert_close(out, image, atol=1e-3, rtol=1e-3)


def test_small_field_of_view_wraps_along_phase_and_cuts_along_readout():
    n, pixel = 128, 2.0
    mm = millimetres(n, pixel)
    spot = torch.zeros(1, n, n, dtype=torch.complex64)
    spot[0, 64 + 50, 64] = 1.0  # 100 mm off centre along y
    spot[0, 64, 64 + 50] = 1.0  # 100 mm off centre along x
    seen = footprint((160.0, 160.0), (80, 80), readout=0)
    image = readouts(acquire(spot, mm, mm, seen), seen, 80, torch.tensor([[-40.0, -40.0]]))[0].abs()
    assert torch.equal(torch.nonzero(image > 0.5), torch.tensor([[40, 40 + 50 - 80]]))  # y gone, x wrapped


def test_read_out_beyond_the_matrix_repeats():
    mm = millimetres(64, 4.0)
    image = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.complex64)
    seen = footprint((256.0, 256.0), (64, 64))
    out = readouts(acquire(image, mm, mm, seen), seen, 128, torch.zeros(1, 2))
    torch.testing.assert_close(out[:, :64, :64], out[:, 64:, 64:], atol=1e-3, rtol=1e-3)


def test_fewer_lines_cut_the_spectrum():
    mm = millimetres(96, 2.0)
    image = torch.randn(1, 96, 96, generator=torch.Generator().manual_seed(2), dtype=torch.complex64)
    seen = footprint((192.0, 192.0), (96, 96), lines=(96, 60))
    spectrum = torch.fft.fftshift(
        torch.fft.fft2(readouts(acquire(image, mm, mm, seen), seen, 96, torch.zeros(1, 2))[0])
    )
    strength = spectrum.abs().mean(0)
    assert strength[48 - 30 : 48 + 30].min() > 100 * strength[: 48 - 30].max()


def test_footprints_stay_within_their_options():
    options = FootprintOptions()
    extent, pixel = torch.tensor([[190.0, 160.0]]).expand(256, 2), torch.tensor([[0.9, 0.9]]).expand(256, 2)
    seen = draw_footprint(pixel, extent, draw(256), options)
    size = seen.fov_mm / seen.matrix
    assert seen.matrix.min() >= options.smallest
    assert seen.matrix.max() <= 384
    assert size.min() >= 0.95 * 0.9 - 1e-4
    assert size.max() <= options.coarsest_mm * math.sqrt(options.anisotropy) + 1e-3
    assert (seen.lines <= seen.matrix).all()
    assert ((seen.fov_mm < extent).any(1).float().mean()).item() == pytest.approx(0.25, abs=0.12)


def test_warp_turns_lengths_in_millimetres():
    """A disc stays a disc although its pixels are not square."""
    n = 128
    y, x = millimetres(n, 1.0)[0][:, None], millimetres(n, 2.0)[0][None]
    disc = ((y**2 + x**2).sqrt() < 40).float().expand(8, n, n)
    options = GeometryOptions(warped=1.0, rotation=90.0, elastic_mm=0.0, zoom=0.0)
    turned = warp(disc, torch.tensor([[1.0, 2.0]]).expand(8, 2), draw(8), options)
    assert (turned - disc).abs().mean() < 0.02
    square = ((y.abs() < 30) & (x.abs() < 30)).float().expand(8, n, n)
    assert (warp(square, torch.tensor([[1.0, 2.0]]).expand(8, 2), draw(8), options) - square).abs().mean() > 0.02


def test_air_stays_dark_and_values_finite_in_any_contrast():
    v = torch.zeros(64, 32, 32)
    v[:, 8:24, 8:24] = 0.5
    out = recolour(v, draw(64), IntensityOptions(contrast_share=1.0))
    assert torch.isfinite(out).all()
    assert (out[:, :8] == 0).all()
    assert out[:, 12, 12].std() > 0.05


def test_lesions_are_small_and_as_rare_as_asked():
    flat, mm = torch.ones(400, 100, 100), millimetres(100, 2.0).expand(400, -1)
    out = insert_lesion(flat, mm, mm, torch.full((400, 2), 180.0), draw(400), PathologyOptions())
    changed = (out - 1).abs().amax((1, 2)) > 0.05
    assert changed.float().mean().item() == pytest.approx(0.1, abs=0.05)
    assert (out - 1).abs().max() < 0.41
    assert ((out[changed] - 1).abs() > 0.05).float().mean() < 0.05


def test_bank_draws_subjects_evenly_and_cuts_isotropic_volumes_in_all_directions():
    thick = ball(24, (8.0, 2.0, 2.0), "b", "b1")
    bank = slice_bank([ball(), thick, ball(24, (8.0, 2.0, 2.0), "b", "b2")], oblique=1)
    assert bank.images.shape[1:] == (CANVAS, CANVAS)
    assert bank.chance.sum().item() == pytest.approx(1.0, abs=1e-5)
    isotropic = bank.pixel_mm[:, 0] == 8.0
    assert bank.chance[isotropic].sum().item() == pytest.approx(0.5, abs=1e-5)
    alone = slice_bank([thick])
    assert len(bank) > 2 * len(alone) + 3 * 15
    assert torch.equal(alone.partner, torch.arange(len(alone)))


def test_batches_are_repeatable_scaled_and_phase_referenced():
    make = Augmentation(slice_bank([ball()]), AugmentationOptions(), 96)
    state = torch.random.get_rng_state()
    first, again = (make(6, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.shape == (6, 96, 96)
    assert first.dtype == torch.complex64
    assert first.imag.square().sum() < 0.1 * first.real.square().sum()
    peak = first.abs().flatten(1).quantile(0.99, dim=1)
    assert 0.4 < peak.median() < 2.5


def test_without_the_reference_the_phase_stays_and_nothing_else_changes():
    bank = slice_bank([ball()])
    strong = PhaseOptions(wraps=2.0)
    referenced, plain = (
        Augmentation(bank, AugmentationOptions(phase=strong, reference=ReferenceOptions(phase=taken_out)), 96)(
            6, torch.Generator().manual_seed(3)
        )
        for taken_out in (True, False)
    )
    assert torch.allclose(referenced.abs(), plain.abs(), atol=1e-5)
    assert plain.imag.square().sum() > 0.3 * plain.real.square().sum()
