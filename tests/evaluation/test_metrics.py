"""Metrics against scikit-image and against their definitions."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from medrecon.evaluation import metrics


def pair(shape=(3, 33, 26), seed=0, noise=0.1, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    t = torch.rand(shape, generator=rng, dtype=torch.float64).cumsum(-1).cumsum(-2)
    return (t + noise * t.max() * torch.randn(shape, generator=rng, dtype=torch.float64)).to(dtype), t.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("noise", [0.3, 0.01])
def test_ssim_and_psnr_equal_scikit_image(dtype, noise):
    p, t = pair(noise=noise, dtype=dtype)
    data_range = float(t.max())
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    ours, whole = metrics.ssim(p, t, data_range), metrics.ssim_map(p, t, data_range)
    for i in range(3):
        value, full = structural_similarity(t[i].numpy(), p[i].numpy(), data_range=data_range, full=True)
        assert abs(value - ours[i]) < tolerance
        assert np.abs(full - whole[i].numpy()).max() < 50 * tolerance
        expected = peak_signal_noise_ratio(t[i].numpy(), p[i].numpy(), data_range=data_range)
        assert abs(expected - metrics.psnr(p, t, data_range)[i]) < 50 * tolerance


def test_equal_images_are_perfect():
    _, t = pair()
    assert torch.isinf(metrics.psnr(t, t, 1.0)).all()
    assert torch.allclose(metrics.ssim(t, t, float(t.max())), torch.ones(3, dtype=torch.float64))
    assert not metrics.nmse(t, t).any()
    assert not metrics.rmse(t, t, 1.0).any()


def test_definitions_fit_each_other():
    p, t = pair()
    data_range = 7.0
    assert torch.allclose(metrics.psnr(p, t, data_range), -20 * torch.log10(metrics.rmse(p, t, data_range)))
    energy = t.square().mean((-2, -1))
    assert torch.allclose(metrics.nmse(p, t) * energy, (metrics.rmse(p, t, data_range) * data_range) ** 2)


def test_foreground_scores_see_only_the_foreground():
    p, t = pair()
    mask = torch.zeros(t.shape, dtype=torch.bool)
    mask[:, 10:20, 8:18] = True
    inside = [image[:, 10:20, 8:18] for image in (p, t)]
    assert torch.allclose(metrics.psnr_foreground(p, t, 9.0, mask), metrics.psnr(*inside, 9.0))
    expected = metrics.ssim_map(p, t, 9.0)[:, 10:20, 8:18].mean((-2, -1))
    assert torch.allclose(metrics.ssim_foreground(p, t, 9.0, mask), expected)
    everywhere = torch.ones_like(mask)
    assert torch.allclose(metrics.psnr_foreground(p, t, 9.0, everywhere), metrics.psnr(p, t, 9.0))
    assert metrics.psnr_foreground(p, t, 9.0, torch.zeros_like(mask)).isnan().all()


def test_a_common_scale_changes_nothing():
    p, t = pair()
    for function in (metrics.psnr, metrics.ssim, metrics.rmse):
        assert torch.allclose(function(1e-6 * p, 1e-6 * t, 5e-6), function(p, t, 5.0), rtol=1e-9)
    assert torch.allclose(metrics.nmse(1e-6 * p, 1e-6 * t), metrics.nmse(p, t))
