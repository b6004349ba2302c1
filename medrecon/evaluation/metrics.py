"""Scores of magnitude images against a reference, per slice; all of them see the same arrays (evaluation.md 2).

Images are `(slice, y, x)` real, `data_range` is the reference's maximum as the protocol defines it - never anything
of the prediction - and every function gives `(slice,)` float64.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW = 7
K1, K2 = 0.01, 0.03


def psnr(prediction: Tensor, reference: Tensor, data_range: float) -> Tensor:
    """20 log10(range / rmse) in dB; inf for equal images, nan where both are blank, which tells nothing."""
    decibel = _decibel(_squared_error(prediction, reference).mean((-2, -1)), data_range)
    return decibel.where(decibel.isfinite() | reference.any(-1).any(-1), float("nan"))


def psnr_foreground(prediction: Tensor, reference: Tensor, data_range: float, mask: Tensor) -> Tensor:
    """PSNR of the mean square error inside `mask`; nan where the mask is empty."""
    return _decibel(_mean_inside(_squared_error(prediction, reference), mask), data_range)


def rmse(prediction: Tensor, reference: Tensor, data_range: float) -> Tensor:
    """Root mean square error in units of the range."""
    return _squared_error(prediction, reference).mean((-2, -1)).sqrt() / data_range


def nmse(prediction: Tensor, reference: Tensor) -> Tensor:
    """Square error over signal, sum |p - t|^2 / sum |t|^2; nan where the reference is zero."""
    signal = reference.double().square().sum((-2, -1))
    return (_squared_error(prediction, reference).sum((-2, -1)) / signal).where(signal > 0, float("nan"))


def ssim(prediction: Tensor, reference: Tensor, data_range: float) -> Tensor:
    """Mean of the SSIM map over the windows that lie inside the image."""
    border = WINDOW // 2
    return ssim_map(prediction, reference, data_range)[..., border:-border, border:-border].mean((-2, -1))


def ssim_foreground(prediction: Tensor, reference: Tensor, data_range: float, mask: Tensor) -> Tensor:
    """Mean of the SSIM map inside `mask`; nan where the mask is empty."""
    return _mean_inside(ssim_map(prediction, reference, data_range), mask)


def ssim_map(prediction: Tensor, reference: Tensor, data_range: float) -> Tensor:
    """Structural similarity at every pixel, `(slice, y, x)` (Wang et al. 2004, eq. 13).

    Uniform 7x7 window, K1 = 0.01, K2 = 0.03, unbiased covariances, mirrored at the border: fastMRI's, and
    scikit-image's with its defaults and this range. Images must be at least 7x7.
    """
    p, t = prediction.double() / data_range, reference.double() / data_range
    mean_p, mean_t, pp, tt, pt = (_window_mean(each) for each in (p, t, p * p, t * t, p * t))
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    covariance = unbiased * (pt - mean_p * mean_t)
    variances = unbiased * (pp - mean_p**2 + tt - mean_t**2)
    luminance = (2 * mean_p * mean_t + K1**2) / (mean_p**2 + mean_t**2 + K1**2)
    return luminance * (2 * covariance + K2**2) / (variances + K2**2)


def _window_mean(image: Tensor) -> Tensor:
    for axis in (-2, -1):
        image = image.index_select(axis, _mirrored(image.shape[axis], image.device))
    return avg_pool2d(image.unsqueeze(0), WINDOW, stride=1).squeeze(0)


def _mirrored(n: int, device: torch.device) -> Tensor:
    """Indices of n elements with the border repeated backwards: 2 1 0 | 0 1 2 ... ."""
    border = WINDOW // 2
    index = torch.arange(-border, n + border, device=device)
    index = torch.where(index < 0, -1 - index, index)
    return torch.where(index >= n, 2 * n - 1 - index, index)


def _squared_error(prediction: Tensor, reference: Tensor) -> Tensor:
    return (prediction.double() - reference.double()).square()


def _mean_inside(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum((-2, -1)) / mask.sum((-2, -1))


def _decibel(mean_square: Tensor, data_range: float) -> Tensor:
    return 20 * torch.log10(data_range / mean_square.sqrt())
