"""Structural similarity under a Gaussian window, as the low-dose CT literature computes it (e-red and e-core)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from medrecon.evaluation.metrics import K1, K2

SIDE, SIGMA = 11, 1.5


def gaussian_ssim(prediction: Tensor, reference: Tensor, data_range: Tensor) -> Tensor:
    """`(slice,)` float64 means of `gaussian_ssim_map` over all pixels, border included; images `(slice, y, x)`."""
    return gaussian_ssim_map(prediction, reference, data_range).mean((-2, -1))


def gaussian_ssim_map(prediction: Tensor, reference: Tensor, data_range: Tensor) -> Tensor:
    """`(slice, y, x)` structural similarity (Wang et al. 2004, eq. 13) with a range `(slice,)` for each slice.

    11x11 Gaussian window of sigma 1.5, population covariances, constants (0.01 R)^2 and (0.03 R)^2, and zeros beyond
    the border: what RED-CNN, CTformer and CoreDiff measure. It depends on where zero lies. Where the window fits into
    the image it is scikit-image's with `gaussian_weights`, which leaves the other pixels out of its mean.
    """
    p, t = prediction.double(), reference.double()
    c1, c2 = ((k * data_range.double()[:, None, None]) ** 2 for k in (K1, K2))
    mean_p, mean_t, pp, tt, pt = (_blurred(each) for each in (p, t, p * p, t * t, p * t))
    luminance = (2 * mean_p * mean_t + c1) / (mean_p**2 + mean_t**2 + c1)
    return luminance * (2 * (pt - mean_p * mean_t) + c2) / (pp - mean_p**2 + tt - mean_t**2 + c2)


def _blurred(image: Tensor) -> Tensor:
    offsets = torch.arange(SIDE, device=image.device, dtype=image.dtype) - SIDE // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    weights = (weights / weights.sum()).view(1, 1, SIDE, 1)
    down = conv2d(image.unsqueeze(1), weights, padding=(SIDE // 2, 0))
    return conv2d(down, weights.transpose(-2, -1), padding=(0, SIDE // 2)).squeeze(1)
