"""Small lesions that no subject had (synthesis.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.augmentation.draw import Draw


@dataclass(frozen=True)
class PathologyOptions:
    """Share of slices with a lesion, its semi-axes in mm and its change of the local intensity."""

    share: float = 0.1
    smallest_mm: float = 1.0
    largest_mm: float = 8.0
    weakest: float = 0.1
    strongest: float = 0.4


def insert_lesion(
    images: Tensor, y_mm: Tensor, x_mm: Tensor, extent_mm: Tensor, draw: Draw, options: PathologyOptions
) -> Tensor:
    """Brighten or darken one soft ellipse inside the head; coordinates `(batch, n)`, extent `(batch, 2)` in mm."""
    centre = draw.uniform(-0.35, 0.35, 2) * extent_mm
    axes = draw.log_uniform(options.smallest_mm, options.largest_mm, 2)
    angle = draw.uniform(0, math.pi, 1, 1)
    dy, dx = (y_mm - centre[:, :1])[:, :, None], (x_mm - centre[:, 1:])[:, None, :]
    u, v = dy * angle.cos() + dx * angle.sin(), dx * angle.cos() - dy * angle.sin()
    radius = ((u / axes[:, :1, None]) ** 2 + (v / axes[:, 1:, None]) ** 2).sqrt()
    sign = torch.where(draw.chance(0.5, 1, 1), 1.0, -1.0)
    change = sign * draw.uniform(options.weakest, options.strongest, 1, 1) * draw.chance(options.share, 1, 1)
    return images * (1 + change * torch.sigmoid((1 - radius) * 6))
