"""Training images as a DDGAN sees them: channels, in units of their 99.9th percentile."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.augmentation.reference import percentile

MEASURED = 128
"""Images whose percentiles and power are averaged: one image's power varies by a fifth, their mean by 2 %."""
SHARE = 0.999
"""Of the pixels that lie below the unit (A.14 of the specification)."""


class Units(NamedTuple):
    """What images are divided by, and their standard deviation per real component before that."""

    scale: float
    deviation: float


@torch.no_grad()
def measured_units(augmentation: Augmentation, batch: int, seed: int) -> Units:
    """Of `MEASURED` training images."""
    random = torch.Generator(augmentation.bank.images.device).manual_seed(seed)
    n = min(batch, 32)
    peaks, powers = [], []
    for _ in range(max(1, MEASURED // n)):
        images = augmentation(n, random)
        peaks.append(percentile(images.abs(), SHARE).mean())
        powers.append(images.abs().square().mean() / 2)
    return Units(float(torch.stack(peaks).mean()), float(torch.stack(powers).mean().sqrt()))


def channels_of(images: Tensor, scale: float, limit: float) -> Tensor:
    """`(n, 2, y, x)` from complex `(n, y, x)`, cut to what the generator can say."""
    return torch.view_as_real(images / scale).movedim(-1, 1).clamp(-limit, limit)
