"""`norm` in two passes over channels-last tensors on a card, one for the moments and one for the rest.

Moments come from each program of the first pass by themselves and are joined in a fixed order, so that the same images
give the same bits.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false

from __future__ import annotations

import torch
import triton
from torch import Tensor

from medrecon.networks.ddgan import norm_kernels as kernels

TILE = 4096
"""Values that a program holds at a time."""
SPANS = {8192: 256, 0: 64}
"""Pixels whose moments one program sums, by the least pixels of an image: small images need many programs, too."""
JOINED = 64
"""Programs whose sums are joined at a time."""


def forward(
    x: Tensor, scale: Tensor, shift: Tensor, added: Tensor | None, groups: int, eps: float
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """SiLU of the modulated norm of `x + added`, and what `backward` needs; `scale`, `shift`, `added` `(n, c)`."""
    n, channels = x.shape[:2]
    factor, summand, total = x.new_empty((3, n, channels), dtype=torch.float32)
    mean, inverse = x.new_empty((2, n, groups), dtype=torch.float32)
    sums = _summed(x, None, factor, summand)
    size = channels // groups
    kernels.factors[(n, groups)](
        sums, scale, shift, added, factor, summand, total, mean, inverse, sums.shape[1], _pixels(x),
        scale.stride(0), shift.stride(0), 0 if added is None else added.stride(0), eps,
        ADDED=added is not None, CHANNELS=channels, SIZE=size, WIDTH=triton.next_power_of_2(size), JOINED=JOINED,
        num_warps=4,
    )  # fmt: skip
    return _whole(x, None, factor, summand, None, None), (factor, summand, total, mean, inverse)


def backward(
    gradient: Tensor, x: Tensor, scale: Tensor, added: Tensor | None, saved: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients by x, scale, shift and added from that by the output."""
    factor, summand, total, mean, inverse = saved
    (n, channels), groups = x.shape[:2], mean.shape[1]
    dscale, dshift, dadded, slope, offset = x.new_empty((5, n, channels), dtype=torch.float32)
    sums = _summed(x, gradient, factor, summand)
    size = channels // groups
    kernels.factors_backward[(n, groups)](
        sums, scale, added, factor, total, mean, inverse, dscale, dshift, dadded, slope, offset,
        sums.shape[1], _pixels(x), scale.stride(0), 0 if added is None else added.stride(0),
        ADDED=added is not None, CHANNELS=channels, SIZE=size, WIDTH=triton.next_power_of_2(size), JOINED=JOINED,
        num_warps=4,
    )  # fmt: skip
    return _whole(x, gradient, factor, summand, slope, offset), dscale, dshift, dadded


def _summed(x: Tensor, gradient: Tensor | None, factor: Tensor, summand: Tensor) -> Tensor:
    """`(n, blocks, 2, c)` sums of x and its square, or of du and du x."""
    n, channels = x.shape[:2]
    span = next(span for least, span in SPANS.items() if _pixels(x) >= least)
    blocks, padded = triton.cdiv(_pixels(x), span), triton.next_power_of_2(channels)
    sums = x.new_empty((n, blocks, 2, channels), dtype=torch.float32)
    kernels.sums[(blocks, n)](
        x, gradient, factor, summand, sums, _pixels(x), BACKWARD=gradient is not None, SPAN=span,
        PIXELS=_together(padded), CHANNELS=channels, PADDED=padded, num_warps=8,
    )  # fmt: skip
    return sums


def _whole(
    x: Tensor, gradient: Tensor | None, factor: Tensor, summand: Tensor, slope: Tensor | None, offset: Tensor | None
) -> Tensor:
    n, channels = x.shape[:2]
    out, padded = torch.empty_like(x), triton.next_power_of_2(channels)
    together = _together(padded)
    kernels.applied[(triton.cdiv(_pixels(x), together), n)](
        x, gradient, factor, summand, slope, offset, out, _pixels(x), BACKWARD=gradient is not None,
        PIXELS=together, CHANNELS=channels, PADDED=padded, num_warps=8,
    )  # fmt: skip
    return out


def _together(padded: int) -> int:
    return min(max(1, TILE // padded), min(SPANS.values()))


def _pixels(x: Tensor) -> int:
    return x.shape[2] * x.shape[3]
