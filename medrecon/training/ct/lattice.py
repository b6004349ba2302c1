"""The lattice: errors that every block of a decoder shares, seen as a pattern with the period of its blocks."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

REACH = 8
"""Blocks a side over which errors are averaged; fewer let noise pass for a pattern, more mix tissues, whose patterns
differ."""


def lattice_power(error: Tensor, period: int, reach: int = REACH) -> Tensor:
    """Mean square of the pattern in images `(n, 1, y, x)` of errors: means over blocks nearby of every place within a
    block, less what all places share. Half of each neighbourhood overlaps with the next.
    """
    places = F.pixel_unshuffle(error, period)
    near = F.avg_pool2d(places, min(reach, *places.shape[-2:]), max(1, reach // 2))
    return (near - near.mean(1, keepdim=True)).square().mean()
