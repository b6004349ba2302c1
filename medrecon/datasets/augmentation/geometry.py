"""Orientation: flips, exchange of axes, rotation, elastic deformation (synthesis.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from medrecon.datasets.augmentation.draw import Draw


@dataclass(frozen=True)
class GeometryOptions:
    """Angles in degrees, lengths in mm; `warped` is the share of slices that are interpolated at all."""

    warped: float = 0.7
    rotation: float = 15.0
    elastic_mm: float = 4.0
    zoom: float = 0.1


def warp(images: Tensor, pixel_mm: Tensor, draw: Draw, options: GeometryOptions) -> Tensor:
    """Turn, zoom and bend `(batch, y, x)` images whose pixels measure `pixel_mm` `(batch, 2)`."""
    n = images.shape[-1]
    active = draw.chance(options.warped).float()
    angle = math.radians(options.rotation) * draw.uniform(-1, 1) * active
    zoom = 1 + options.zoom * draw.uniform(-1, 1) * active
    aspect = pixel_mm[:, 0] / pixel_mm[:, 1]
    cos, sin, zero = angle.cos() * zoom, angle.sin() * zoom, torch.zeros_like(angle)
    # rows give the source (x, y) of an output (x, y), both in pixels: lengths are turned in mm
    theta = torch.stack([torch.stack([cos, -sin * aspect, zero], 1), torch.stack([sin / aspect, cos, zero], 1)], 1)
    grid = F.affine_grid(theta, [len(images), 1, n, n], align_corners=False)
    bend = draw.smooth_field(n, 6, 2).permute(0, 2, 3, 1) * (options.elastic_mm / 2)
    bend = bend * active[:, None, None, None] * draw.uniform(0, 1)[:, None, None, None]
    grid = grid + bend / pixel_mm.flip(1)[:, None, None, :] * (2 / n)
    return F.grid_sample(images[:, None], grid, mode="bicubic", align_corners=False)[:, 0].clamp(min=0)


def reorient(images: Tensor, lengths: tuple[Tensor, ...], draw: Draw) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Flip each axis and exchange the axes at random; `lengths` are `(batch, 2)` tensors that go along."""
    for axis in (-2, -1):
        images = torch.where(draw.chance(0.5)[:, None, None], images.flip(axis), images)
    swap = draw.chance(0.5)
    images = torch.where(swap[:, None, None], images.mT, images)
    return images, tuple(torch.where(swap[:, None], v.flip(1), v) for v in lengths)
