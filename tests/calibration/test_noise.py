import dataclasses

import pytest
import torch

from medrecon.calibration import noise_level
from medrecon.calibration.noise import NULL_SPACE, OUTER, PRESCAN


@pytest.mark.parametrize("snr", [10, 40, 100])
@pytest.mark.parametrize("accel", [1, 4])
def test_lines(simulate, snr, accel):
    """1-D mask: null-space filters see the noise even where signal reaches the border of k-space."""
    scan, _, _, sigma = simulate(matrix=(96, 128), slices=2, snr=snr, acs=16, accel=accel)
    level = noise_level(scan)
    torch.testing.assert_close(level.sigma / sigma, torch.ones(2), rtol=0, atol=0.1)
    assert level.source == NULL_SPACE
    assert level.covariance is None


def test_single_coil(simulate):
    scan, _, _, sigma = simulate(matrix=(96, 128), coils=1, snr=20, acs=16, accel=3)
    assert float(noise_level(scan).sigma) == pytest.approx(sigma, rel=0.15)


@pytest.mark.parametrize(("acs", "snr"), [(16, 10), (24, 10), (24, 40)])
def test_scattered_samples(simulate, acs, snr):
    """2-D mask: the unsampled zeros between the points must not count."""
    scan, _, _, sigma = simulate(matrix=(128, 120), snr=snr, phase_axes=("y", "x"))
    mask = torch.rand((128, 120), generator=torch.Generator().manual_seed(1)) < 0.12
    mask[64 - acs // 2 : 64 + acs // 2, 60 - acs // 2 : 60 + acs // 2] = True
    assert float(noise_level(scan.undersample(mask)).sigma) == pytest.approx(sigma, rel=0.15)


def test_pure_noise_outside_is_found_by_the_median(simulate):
    """Too small a centre for filters: outer samples speak, and a few strong ones do not shift them."""
    scan, _, _, sigma = simulate(matrix=(96, 96), snr=10, phase_axes=("y", "x"))
    mask = torch.rand((96, 96), generator=torch.Generator().manual_seed(1)) < 0.3
    mask[48 - 6 : 48 + 6, 48 - 6 : 48 + 6] = True
    mask[48 - 7, 48] = mask[48, 48 - 7] = mask[48, 48 + 6] = mask[48 + 6, 48] = False
    level = noise_level(scan.undersample(mask))
    assert level.source == OUTER
    assert float(level.sigma) == pytest.approx(sigma, rel=0.15)


def test_prescan_wins_and_gives_the_covariance(simulate):
    scan, *_ = simulate(matrix=(32, 32), coils=4, slices=3, snr=20)
    generator = torch.Generator().manual_seed(3)
    mixing = torch.eye(4, dtype=torch.complex128) + 0.3j * torch.ones(4, 4).triu(1)
    samples = torch.view_as_complex(torch.randn((4, 20000, 2), generator=generator, dtype=torch.float64))
    level = noise_level(dataclasses.replace(scan, noise=0.01 * mixing @ samples))
    expected = 2e-4 * mixing @ mixing.mH
    assert level.source == PRESCAN
    assert torch.linalg.norm(level.covariance - expected) < 0.05 * torch.linalg.norm(expected)
    assert float(level.sigma[2]) == pytest.approx(float((expected.diagonal().real.mean() / 2).sqrt()), rel=0.03)
