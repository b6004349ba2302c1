"""Periodic continuation of an image to a size that a network can take."""

from types import EllipsisType

import torch
from torch import Tensor


def wrap_pad(x: Tensor, multiple: int, margin: int) -> tuple[Tensor, tuple[EllipsisType, slice, slice]]:
    """Continue `(…, y, x)` periodically by at least `margin` pixels a side, to multiples of `multiple`.

    Returns the larger image and the index that cuts the original out of it.
    """
    crop = []
    for axis in (-2, -1):
        n = x.shape[axis]
        size = -(-(n + 2 * margin) // multiple) * multiple
        before = (size - n) // 2
        index = (torch.arange(size, device=x.device) - before) % n
        x = x.index_select(axis, index)
        crop.append(slice(before, before + n))
    return x, (..., crop[0], crop[1])
