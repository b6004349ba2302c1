"""Contrast: gamma, tone curves, exchanged tissue contrasts, receive shading (synthesis.md)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.augmentation.draw import Draw


@dataclass(frozen=True)
class IntensityOptions:
    """Spreads of the logarithms, and shares of slices."""

    gamma: float = 0.25
    tone: float = 0.3
    contrast_share: float = 0.06
    shading: float = 0.25
    shading_share: float = 0.5


def recolour(images: Tensor, draw: Draw, options: IntensityOptions) -> Tensor:
    """New contrasts for magnitude images `(batch, y, x)` with peak about 1."""
    v = images.clamp(min=0)
    v = v ** (options.gamma * draw.normal(1, 1)).exp()
    v = v + v * (1 - v).clamp(min=0) * (options.tone * draw.normal(1, 1)).clamp(-0.9, 0.9)
    foreign = _random_contrast(v, draw)
    v = torch.where(draw.chance(options.contrast_share)[:, None, None], foreign, v)
    shade = (options.shading * draw.smooth_field(images.shape[-1], 2)[:, 0]).exp()
    return torch.where(draw.chance(options.shading_share)[:, None, None], v * shade, v)


def _random_contrast(v: Tensor, draw: Draw) -> Tensor:
    """A smooth curve through random levels: tissues keep their shapes and exchange their brightness."""
    knots = draw.uniform(0.1, 1.0, 7)
    position = v.clamp(0, 1) * 5
    low = position.floor().long()
    weight = position - low
    weight = weight * weight * (3 - 2 * weight)
    flat = low.flatten(1)
    curve = torch.lerp(knots.gather(1, flat), knots.gather(1, flat + 1), weight.flatten(1)).view_as(v)
    return curve * (v / 0.08).clamp(max=1)  # air stays dark
