import numpy as np
import pytest
import torch

import medrecon
from medrecon.calibration import espirit_maps
from medrecon.calibration.build import calibration_region
from medrecon.calibration.espirit import correlation_taps, noise_edge, signal_projector
from medrecon.calibration.noise import noise_level
from medrecon.calibration.scale import only_centre
from medrecon.calibration.windows import window_gram
from medrecon.crop import centre_crop
from medrecon.masks import pattern
from medrecon.operators import ifft2c
from medrecon.operators.spirit import multiply_pixels, tap_images
from medrecon.simulate.scan import simulate_scan


def agreement(a, b):
    return (a.conj() * b).sum(-3).abs()


def eigh_maps(kspace, acs, kernel=6):
    gram = window_gram(centre_crop(kspace, acs), (kernel, kernel))
    matrices = tap_images(correlation_taps(signal_projector(gram, 0.02), (kernel, kernel)), kspace.shape[-2:])
    values, vectors = torch.linalg.eigh(matrices.permute(0, 3, 4, 1, 2).to(torch.complex128))
    return vectors.movedim(-1, 1).movedim(-1, 2).flip(1), values.flip(-1).movedim(-1, 1)


def test_agrees_with_sigpy(simulate):
    app = pytest.importorskip("sigpy.mri.app")
    scan, image, *_ = simulate(matrix=(56, 52), coils=6, snr=40)
    with np.errstate(all="ignore"):
        reference = app.EspiritCalib(scan.kspace[0].numpy(), calib_width=24, crop=0, show_pbar=False).run()
    maps, _ = espirit_maps(scan.kspace, (24, 24))
    match = agreement(maps[0], torch.as_tensor(np.asarray(reference)))[image[0].abs() > 0.2]
    assert float(match.median()) > 0.999
    assert float(match.quantile(0.02)) > 0.99


def test_covariance_equals_a_sum_over_image_space_kernels(simulate):
    """The trigonometric polynomial against the definition: every subspace kernel transformed to the image."""
    scan, *_ = simulate(matrix=(21, 24), coils=3, snr=40, dtype=torch.complex128)
    block = scan.kspace[0, :, 10 - 8 : 10 + 8, 12 - 8 : 12 + 8]
    windows = block.unfold(-2, 4, 1).unfold(-2, 4, 1).permute(1, 2, 0, 3, 4).reshape(-1, 48)
    _, singular, rows = torch.linalg.svd(windows, full_matrices=False)
    kernels = rows[singular > 0.02 * singular[0]].reshape(-1, 3, 4, 4)
    y, x = torch.arange(21) - 10, torch.arange(24) - 12
    wave_y = torch.exp(2j * torch.pi * torch.arange(4)[:, None] * y / 21).to(torch.complex128)
    wave_x = torch.exp(2j * torch.pi * torch.arange(4)[:, None] * x / 24).to(torch.complex128)
    images = torch.einsum("kcab,ay,bx->kcyx", kernels, wave_y, wave_x)
    expected = torch.einsum("kcyx,kdyx->cdyx", images, images.conj()) / 16
    gram = window_gram(centre_crop(scan.kspace, (16, 16)), (4, 4))
    result = tap_images(correlation_taps(signal_projector(gram, 0.02), (4, 4)), (21, 24))[0]
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("matrix", [(97, 80), (64, 75)])
def test_iteration_finds_what_eigh_finds(simulate, matrix):
    scan, image, *_ = simulate(matrix=matrix, snr=30)
    maps, values = espirit_maps(scan.kspace, (12, matrix[1]))
    vectors, exact = eigh_maps(scan.kspace, (12, matrix[1]))
    inside = image.abs() > 0.2
    assert float(agreement(maps, vectors[:, 0].to(maps.dtype))[inside].min()) > 0.999
    torch.testing.assert_close(values[inside].double(), exact[:, 0][inside], rtol=0, atol=1e-3)


def test_maps_are_the_true_ones_and_normalised_everywhere(simulate):
    scan, image, true, sigma = simulate(matrix=(96, 80), snr=40)
    noise = torch.tensor([sigma])
    for maps, value in (espirit_maps(scan.kspace, (16, 80)), espirit_maps(scan.kspace, (16, 80), noise=noise)):
        norm = torch.linalg.vector_norm(maps, dim=1)
        torch.testing.assert_close(norm, torch.ones_like(norm))
        inside = image.abs() > 0.2
        assert float(agreement(maps, true.to(maps.dtype))[inside].median()) > 0.9995
        assert float(value[inside].min()) > 0.95
        assert float(value.max()) < 1.0001


def test_noise_aware_threshold_helps_noisy_scans(simulate):
    scan, image, true, sigma = simulate(matrix=(96, 80), snr=10)
    inside = image.abs() > 0.2

    def error(maps):
        return float((1 - agreement(maps, true.to(maps.dtype))[inside]).mean())

    aware, _ = espirit_maps(scan.kspace, (20, 80), noise=torch.tensor([sigma]))
    fixed, _ = espirit_maps(scan.kspace, (20, 80))
    assert error(aware) < 0.5 * error(fixed)


def test_second_set_where_the_object_wraps(simulate):
    """Half the field of view: two places of the object, with their own maps, share each pixel."""
    scan, *_ = simulate(matrix=(96, 80), dtype=torch.complex128)
    folded = scan.kspace[..., ::2, :]
    maps, values = espirit_maps(folded, (24, 80), sets=2)
    assert maps.shape == (1, 2, 8, 48, 80)
    gram = torch.einsum("sicyx,sjcyx->syxij", maps.conj(), maps)
    torch.testing.assert_close(gram, torch.eye(2).to(gram).expand_as(gram), rtol=0, atol=1e-6)
    centre = values[0, :, :4, 30:50]  # the upper and the lower rim meet here
    assert float(centre.min()) > 0.9
    assert torch.all(values[:, 0] >= values[:, 1] - 1e-9)


def test_crop_and_single_coil(simulate):
    scan, image, *_ = simulate(matrix=(48, 40), coils=1, snr=50)
    maps, value = espirit_maps(scan.kspace, (16, 40))
    torch.testing.assert_close(maps.abs(), torch.ones_like(maps.abs()))
    cropped, _ = espirit_maps(scan.kspace, (16, 40), crop=0.8)
    assert torch.all(cropped[:, 0][value < 0.8] == 0)
    assert torch.all(cropped[:, 0][value >= 0.8] == maps[:, 0][value >= 0.8])
    assert bool((value[image.abs() > 0.2] > 0.8).all())


def test_only_the_acs_is_read(simulate):
    scan, *_ = simulate(matrix=(48, 40), coils=4)
    changed = scan.kspace.clone()
    changed[..., :10, :] = 7.0
    for a, b in zip(espirit_maps(scan.kspace, (12, 40)), espirit_maps(changed, (12, 40)), strict=True):
        assert torch.equal(a, b)


def test_aligned_with_the_images(simulate):
    """The combination with the maps keeps all of the object's energy."""
    scan, *_ = simulate(matrix=(64, 64), coils=8)
    maps, _ = espirit_maps(scan.kspace, (20, 64))
    x = ifft2c(scan.kspace)
    kept = (maps.conj() * x).sum(1).abs().square().sum() / x.abs().square().sum()
    assert float(kept) > 0.9999


def test_no_map_explains_less_than_the_acs_image_it_could_have_started_from():
    """Where the field of view cuts the head on both sides, a neighbour's map can be far off."""
    truth = medrecon.load(medrecon.demo_path()).truth[:1, 24:193, 29:179]
    scan = simulate_scan(truth.numpy(), (1.0, 1.0), slice_mm=4.0).undersample(pattern("random", 8, None, 0))
    kspace, acs = scan.kspace * scan.mask, calibration_region(scan)
    noise = noise_level(scan, acs).sigma
    _, value = espirit_maps(kspace, acs, noise=noise)
    gram = window_gram(centre_crop(kspace, acs), (6, 6))
    projector = signal_projector(gram, 0.02, noise_edge(noise, gram.shape[-1], acs, (6, 6)))
    matrices = tap_images(correlation_taps(projector, (6, 6)), kspace.shape[-2:])
    images = ifft2c(only_centre(kspace, acs))
    explained = (images.conj() * multiply_pixels(matrices, images)).sum(1).real / images.abs().square().sum(1)
    assert float((explained - value).max()) < 2e-4
