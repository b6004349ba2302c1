import dataclasses

import pytest
import torch

from medrecon.calibration import CalibrationOptions, build_problem, compression, whitening
from medrecon.calibration.whiten import intensity, mix
from medrecon.errors import InputError
from medrecon.operators import ifft2c


def correlated(coils, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.view_as_complex(torch.randn((coils, coils, 2), generator=generator, dtype=torch.float64)) * 0.25
    return mixing + torch.diag(torch.linspace(0.5, 1.5, coils)).to(mixing)


def test_whitened_noise_has_identity_covariance():
    mixing = correlated(5)
    covariance = 2 * mixing @ mixing.mH
    w = whitening(covariance)
    eye = 2 * w.sigma**2 * torch.eye(5, dtype=torch.complex128)
    torch.testing.assert_close(w.whiten @ covariance @ w.whiten.mH, eye)
    torch.testing.assert_close(w.whiten @ w.colour, torch.eye(5, dtype=torch.complex128))
    assert w.sigma == pytest.approx(float((covariance.diagonal().real.mean() / 2).sqrt()))


def test_dead_coil_is_refused():
    covariance = torch.diag(torch.tensor([1.0, 0.0, 1.0])).to(torch.complex128)
    with pytest.raises(InputError, match="3 coils is not positive definite"):
        whitening(covariance)


def test_intensity_brings_a_whitened_image_back(simulate):
    *_, image, maps, _ = simulate(matrix=(24, 20), coils=5)
    w = whitening(correlated(5) @ correlated(5).mH)
    white = mix(w.whiten, maps)
    level = torch.linalg.vector_norm(white, dim=1)
    seen = image * level  # what unit-norm whitened maps see
    torch.testing.assert_close(seen * intensity(white / level[:, None], w.colour[None]), image)


def test_a_whitened_scan_gives_the_same_image_in_unwhitened_coils(simulate):
    scan, image, *_ = simulate(matrix=(64, 56), coils=6, snr=60, acs=20)
    generator = torch.Generator().manual_seed(4)
    mixing = correlated(6) / 60
    noise = torch.view_as_complex(torch.randn((6, 4000, 2), generator=generator, dtype=torch.float64))
    problem = build_problem(dataclasses.replace(scan, noise=mixing @ noise))
    combined = (problem.maps.conj() * ifft2c(problem.kspace)).sum(1) * problem.intensity * problem.scale
    inside = image.abs() > 0.2
    error = (combined.abs() - image.abs())[inside]
    assert float(error.square().mean().sqrt()) < 0.05
    plain = build_problem(scan)
    assert torch.equal(plain.intensity, torch.ones_like(plain.intensity))


def test_compression_keeps_the_image(simulate):
    scan, image, *_ = simulate(matrix=(64, 56), coils=20, acs=16)
    squeeze = compression(scan.kspace, (16, 56), 12)
    eye = torch.eye(12, dtype=torch.complex64)[None]
    torch.testing.assert_close(squeeze.matrix @ squeeze.matrix.mH, eye, rtol=0, atol=1e-5)
    assert float(squeeze.energy) > 0.9999
    small = torch.linalg.vector_norm(ifft2c(squeeze(scan.kspace)), dim=1)
    assert float(torch.linalg.norm(small - image.abs()) / torch.linalg.norm(image)) < 0.005


def test_compression_leaves_noise_white(simulate):
    scan, _, _, sigma = simulate(matrix=(64, 96), coils=20, snr=40, acs=16)
    problem = build_problem(scan, options=CalibrationOptions(coils=8))
    assert problem.kspace.shape[1] == problem.maps.shape[1] == problem.kernel.shape[1] == 8
    assert float(problem.noise * problem.scale) == pytest.approx(sigma, rel=0.1)


def test_energy_kept_is_the_energy_kept(simulate):
    scan, *_ = simulate(matrix=(48, 40), coils=8, acs=12)
    squeeze = compression(scan.kspace, (48, 40), 3)
    kept = squeeze(scan.kspace).abs().square().sum() / scan.kspace.abs().square().sum()
    torch.testing.assert_close(squeeze.energy[0], kept, rtol=1e-4, atol=1e-5)
