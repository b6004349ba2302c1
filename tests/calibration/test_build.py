import dataclasses

import pytest
import torch

from medrecon.calibration import CalibrationOptions, acs_image_scale, acs_images, build_problem, volume_scale
from medrecon.calibration.scale import reference_size
from medrecon.errors import InputError
from medrecon.operators import fft2c, ifft2c


def tensors(problem):
    values = {f.name: getattr(problem, f.name) for f in dataclasses.fields(problem)}
    return {name: v for name, v in values.items() if isinstance(v, torch.Tensor)}


def assert_same(a, b, **tolerance):
    for name, value in tensors(a).items():
        if tolerance and value.dtype != torch.bool:
            torch.testing.assert_close(value, getattr(b, name), **tolerance)
        else:
            assert torch.equal(value, getattr(b, name)), name


def combined(problem, kspace):
    return (problem.maps.conj() * ifft2c(kspace)).sum(1)


def test_chunks_give_the_same_bits_as_slice_by_slice(simulate):
    scan, *_ = simulate(matrix=(48, 41), coils=4, slices=3, snr=30, acs=12, accel=3)
    scale = volume_scale(scan)
    whole = build_problem(scan, scale=scale, first_slice=5)
    assert whole.slice_ids == (5, 6, 7)
    for s in range(3):
        assert_same(whole.select(slice(s, s + 1)), build_problem(scan.slices(s, s + 1), scale=scale, first_slice=5 + s))
    assert_same(whole, build_problem(scan, first_slice=5))


def test_scale_follows_the_units_and_nothing_else_does(simulate):
    scan, *_ = simulate(matrix=(48, 40), coils=4, snr=30, acs=12, accel=3)
    problem = build_problem(scan)
    louder = build_problem(dataclasses.replace(scan, kspace=scan.kspace * 10))
    assert louder.scale == pytest.approx(10 * problem.scale, rel=1e-5)
    assert_same(problem, louder, rtol=1e-3, atol=1e-4)


def test_scale_is_the_same_for_a_combined_image(simulate):
    """What training sees of a combined image is what calibration sees of its coils."""
    scan, image, *_ = simulate(matrix=(96, 80), coils=8, acs=16, accel=4)
    low = acs_images(fft2c(image), (16, 80))
    assert acs_image_scale(low) == pytest.approx(volume_scale(scan), rel=0.02)


def test_reference_lines_are_bounded():
    assert reference_size((256, 320), (20, 320)) == (20, 320)
    assert reference_size((256, 320), (48, 300)) == (32, 300)
    assert reference_size((230, 180), (48, 48)) == (32, 32)
    assert reference_size((256, 256), (256, 256)) == (32, 256)


def test_phase_reference_removes_global_and_smooth_phase(simulate):
    scan, image, *_ = simulate(matrix=(96, 80), coils=6, acs=20, accel=1)
    problem = build_problem(scan, options=CalibrationOptions(acs=20))
    u = combined(problem, problem.kspace)
    inside = image.abs() > 0.2
    assert float(u[inside].imag.square().sum() / u[inside].abs().square().sum()) < 0.01
    turned = build_problem(dataclasses.replace(scan, kspace=scan.kspace * 1j), options=CalibrationOptions(acs=20))
    torch.testing.assert_close(combined(turned, turned.kspace)[inside], u[inside], rtol=0, atol=2e-3)


def test_maps_explain_the_measurements(simulate):
    scan, image, _, sigma = simulate(matrix=(96, 80), coils=8, snr=40, acs=16, accel=4)
    problem = build_problem(scan)
    norm = torch.linalg.vector_norm(problem.maps, dim=1)
    torch.testing.assert_close(norm, torch.ones_like(norm))
    inside = image.abs() > 0.2
    assert float(problem.support[inside].float().mean()) > 0.99
    assert float(problem.noise * problem.scale) == pytest.approx(sigma, rel=0.1)
    assert torch.all(problem.kspace[..., ~problem.mask] == 0)
    assert problem.acs == (16, 80)


@pytest.mark.parametrize("acs", [12, 20])
def test_model_error_tells_wrong_maps_from_right_ones(simulate, acs):
    """The estimate follows the true root mean square of (I - S S^H) x on the samples, noise apart."""
    from medrecon.calibration.model_error import model_error

    scan, image, true, sigma = simulate(matrix=(96, 80), coils=8, snr=40, acs=acs, accel=4)
    wobble = torch.exp(1j * torch.linspace(0, 1.5, 8)[:, None, None] * torch.linspace(-1, 1, 80))
    noise = torch.tensor([sigma])

    def estimate(maps):
        return float(model_error(scan.kspace, maps.to(torch.complex64), noise, scan.mask, (acs, 80)))

    maps = true * wobble
    x = image[:, None] * true
    missed = fft2c(x - maps * (maps.conj() * x).sum(1, keepdim=True)) * scan.mask
    truth = float((missed.abs().square().sum() / (16 * scan.mask.sum())).sqrt())
    assert truth > sigma
    assert estimate(maps) == pytest.approx(truth, rel=0.35)
    assert estimate(true) < 0.3 * sigma


def test_single_coil(simulate):
    scan, *_ = simulate(matrix=(64, 60), coils=1, snr=30, acs=16, accel=2)
    problem = build_problem(scan)
    assert problem.kernel is None
    torch.testing.assert_close(problem.maps.abs(), torch.ones_like(problem.maps.abs()))
    assert float(problem.off_range) < 1e-10
    assert float(problem.model_error) < 0.2 * float(problem.noise)


def test_a_noise_free_file_still_has_a_noise_level(simulate):
    scan, *_ = simulate(matrix=(128, 120), coils=8, acs=24)
    generator = torch.Generator().manual_seed(0)
    level = torch.randn(scan.kspace.shape, generator=generator) * 1e-7
    problem = build_problem(dataclasses.replace(scan, kspace=fft2c(torch.ones_like(scan.kspace)) + level))
    assert float(problem.noise) == pytest.approx(1e-4)


def test_progress_is_told(simulate):
    scan, *_ = simulate(matrix=(32, 32), coils=2, slices=2)
    seen = []
    build_problem(scan, on_step=seen.append)
    assert [(p.stage, p.done, p.total) for p in seen] == [("calibration", i, 2) for i in range(3)]


def test_refusals(simulate):
    scan, *_ = simulate(matrix=(48, 40), coils=4)
    lines = torch.zeros(48, 40, dtype=torch.bool)
    lines[::3] = True
    lines[24] = False
    with pytest.raises(InputError, match="no fully sampled centre"):
        build_problem(scan.undersample(lines))
    lines[24 - 6 : 24 + 6] = True
    few = scan.undersample(lines)
    with pytest.raises(InputError, match=r"give 4 to 1[2-9]"):
        build_problem(few, options=CalibrationOptions(acs=30))
    with pytest.raises(InputError, match="kernel is 7x7"):
        build_problem(few, options=CalibrationOptions(acs=6, spirit_width=7))
    empty = dataclasses.replace(scan, kspace=torch.zeros_like(scan.kspace))
    with pytest.raises(InputError, match="scale"):
        build_problem(empty)


def test_asked_acs_is_used(simulate):
    scan, *_ = simulate(matrix=(64, 40), coils=4)
    assert build_problem(scan, options=CalibrationOptions(acs=12)).acs == (12, 40)
    assert build_problem(scan).acs == (48, 40)


def test_double_precision(simulate):
    scan, *_ = simulate(matrix=(33, 30), coils=3, snr=40, dtype=torch.complex128)
    problem = build_problem(scan)
    assert problem.kspace.dtype == problem.maps.dtype == problem.kernel.dtype == torch.complex128
