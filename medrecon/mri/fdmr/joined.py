"""Two Problems of the same slices in one batch."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor

from medrecon.problem import Problem


def joined(first: Problem, second: Problem) -> Problem:
    """The slices of `first`, then those of `second`; the mask is each slice's own, `(slice, coil, y, x)`.

    For Problems of one scan that differ in their samples. A slice keeps its number, and with it its random numbers.
    """
    per_slice = {
        f.name: torch.cat([own, getattr(second, f.name)])
        for f in fields(first)
        if f.name != "mask" and isinstance(own := getattr(first, f.name), Tensor)
    }
    mask = torch.cat([each.mask.expand(each.kspace.shape) for each in (first, second)])
    return replace(first, **per_slice, mask=mask, slice_ids=first.slice_ids + second.slice_ids)
