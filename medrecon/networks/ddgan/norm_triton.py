"""The Triton kernels behind `norm`, on channels-last tensors: one pass for the moments, one for the rest.

A program of a pass over memory holds some pixels of one image with all their channels. Moments come from each program
by themselves and are joined in a fixed order, so that the same images give the same bits.
"""

# ruff: noqa: ANN001, ANN202
# pyright: reportMissingImports=false, reportIndexIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE = 4096
"""Values that a program holds at a time."""
SPANS = {8192: 256, 0: 64}
"""Pixels whose moments one program sums, by the least pixels of an image: small images need many programs, too."""
JOINED = 64
"""Programs whose sums are joined at a time."""


@triton.jit
def _tile(pixel, pixels, image, CHANNELS: tl.constexpr, PADDED: tl.constexpr):
    """Places of those pixels' values, and which of them there are."""
    channel = tl.arange(0, PADDED)
    mask = (pixel < pixels)[:, None] & (channel < CHANNELS)[None, :]
    return (image.to(tl.int64) * pixels + pixel)[:, None] * CHANNELS + channel[None, :], mask


@triton.jit
def _by_channel(values_ptr, image, CHANNELS: tl.constexpr, PADDED: tl.constexpr):
    channel = tl.arange(0, PADDED)
    return tl.load(values_ptr + image * CHANNELS + channel, mask=channel < CHANNELS, other=0.0)[None, :]


@triton.jit
def _slope_of_silu(u):
    share = tl.sigmoid(u)
    return share * (1 + u * (1 - share))


@triton.jit(do_not_specialize=["pixels"])
def _sums(
    x_ptr, gradient_ptr, factor_ptr, summand_ptr, sums_ptr, pixels,
    BACKWARD: tl.constexpr, SPAN: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    block, image = tl.program_id(0), tl.program_id(1)
    first = tl.zeros([PIXELS, PADDED], tl.float32)
    second = tl.zeros([PIXELS, PADDED], tl.float32)
    for start in range(0, SPAN, PIXELS):
        place, mask = _tile(block * SPAN + start + tl.arange(0, PIXELS), pixels, image, CHANNELS, PADDED)
        x = tl.load(x_ptr + place, mask=mask, other=0.0).to(tl.float32)
        if BACKWARD:
            u = _by_channel(factor_ptr, image, CHANNELS, PADDED) * x
            u += _by_channel(summand_ptr, image, CHANNELS, PADDED)
            du = tl.load(gradient_ptr + place, mask=mask, other=0.0).to(tl.float32) * _slope_of_silu(u)
            first += du
            second += du * x
        else:
            first += x
            second += x * x
    channel = tl.arange(0, PADDED)
    place = (image * tl.num_programs(0) + block) * 2 * CHANNELS + channel
    tl.store(sums_ptr + place, tl.sum(first, axis=0), mask=channel < CHANNELS)
    tl.store(sums_ptr + place + CHANNELS, tl.sum(second, axis=0), mask=channel < CHANNELS)


@triton.jit
def _joined(
    sums_ptr, image, channel, inside, blocks, CHANNELS: tl.constexpr, JOINED: tl.constexpr, WIDTH: tl.constexpr
):
    first = tl.zeros([JOINED, WIDTH], tl.float32)
    second = tl.zeros([JOINED, WIDTH], tl.float32)
    for start in range(0, blocks, JOINED):
        block = start + tl.arange(0, JOINED)
        place = ((image * blocks + block) * 2 * CHANNELS)[:, None] + channel[None, :]
        mask = (block < blocks)[:, None] & inside[None, :]
        first += tl.load(sums_ptr + place, mask=mask, other=0.0)
        second += tl.load(sums_ptr + place + CHANNELS, mask=mask, other=0.0)
    return tl.sum(first, axis=0), tl.sum(second, axis=0)


@triton.jit(do_not_specialize=["blocks", "pixels", "scale_row", "shift_row", "added_row"])
def _factors(
    sums_ptr, scale_ptr, shift_ptr, added_ptr, factor_ptr, summand_ptr, total_ptr, mean_ptr, inverse_ptr,
    blocks, pixels, scale_row, shift_row, added_row, eps,
    ADDED: tl.constexpr, CHANNELS: tl.constexpr, SIZE: tl.constexpr, WIDTH: tl.constexpr, JOINED: tl.constexpr,
):  # fmt: skip
    image, group, groups = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    lane = tl.arange(0, WIDTH)
    channel, inside = group * SIZE + lane, lane < SIZE
    total, square = _joined(sums_ptr, image, channel, inside, blocks, CHANNELS, JOINED, WIDTH)
    added = tl.zeros([WIDTH], tl.float32)
    if ADDED:
        added += tl.load(added_ptr + image * added_row + channel, mask=inside, other=0.0).to(tl.float32)
        square += added * (2 * total + pixels * added)
        total += pixels * added
    mean = tl.sum(total, axis=0) / (pixels * SIZE)
    variance = tl.maximum(tl.sum(square, axis=0) / (pixels * SIZE) - mean * mean, 0.0)
    inverse = tl.rsqrt(variance + eps)
    factor = tl.load(scale_ptr + image * scale_row + channel, mask=inside, other=0.0).to(tl.float32) * inverse
    shift = tl.load(shift_ptr + image * shift_row + channel, mask=inside, other=0.0).to(tl.float32)
    place = image * CHANNELS + channel
    tl.store(factor_ptr + place, factor, mask=inside)
    tl.store(summand_ptr + place, shift + (added - mean) * factor, mask=inside)
    tl.store(total_ptr + place, total, mask=inside)
    tl.store(mean_ptr + image * groups + group, mean)
    tl.store(inverse_ptr + image * groups + group, inverse)


@triton.jit(do_not_specialize=["blocks", "pixels", "scale_row", "added_row"])
def _factors_backward(
    sums_ptr, scale_ptr, added_ptr, factor_ptr, total_ptr, mean_ptr, inverse_ptr,
    dscale_ptr, dshift_ptr, dadded_ptr, slope_ptr, offset_ptr, blocks, pixels, scale_row, added_row,
    ADDED: tl.constexpr, CHANNELS: tl.constexpr, SIZE: tl.constexpr, WIDTH: tl.constexpr, JOINED: tl.constexpr,
):  # fmt: skip
    image, group, groups = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    lane = tl.arange(0, WIDTH)
    channel, inside = group * SIZE + lane, lane < SIZE
    place = image * CHANNELS + channel
    du, moment = _joined(sums_ptr, image, channel, inside, blocks, CHANNELS, JOINED, WIDTH)
    mean, inverse = tl.load(mean_ptr + image * groups + group), tl.load(inverse_ptr + image * groups + group)
    added = tl.zeros([WIDTH], tl.float32)
    if ADDED:
        added += tl.load(added_ptr + image * added_row + channel, mask=inside, other=0.0).to(tl.float32)
    moment += (added - mean) * du
    scale = tl.load(scale_ptr + image * scale_row + channel, mask=inside, other=0.0).to(tl.float32)
    factor = tl.load(factor_ptr + place, mask=inside, other=0.0)
    total = tl.load(total_ptr + place, mask=inside, other=0.0)
    count = pixels * SIZE
    slope = -inverse * inverse * inverse * tl.sum(scale * moment, axis=0) / count
    offset = -tl.sum(factor * du, axis=0) / count - slope * mean
    tl.store(dscale_ptr + place, moment * inverse, mask=inside)
    tl.store(dshift_ptr + place, du, mask=inside)
    tl.store(dadded_ptr + place, factor * du + slope * total + offset * pixels, mask=inside)
    tl.store(slope_ptr + place, slope + tl.zeros([WIDTH], tl.float32), mask=inside)
    tl.store(offset_ptr + place, offset + slope * added, mask=inside)


@triton.jit(do_not_specialize=["pixels"])
def _applied(
    x_ptr, gradient_ptr, factor_ptr, summand_ptr, slope_ptr, offset_ptr, out_ptr, pixels,
    BACKWARD: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(1)
    place, mask = _tile(tl.program_id(0) * PIXELS + tl.arange(0, PIXELS), pixels, image, CHANNELS, PADDED)
    x = tl.load(x_ptr + place, mask=mask, other=0.0).to(tl.float32)
    factor = _by_channel(factor_ptr, image, CHANNELS, PADDED)
    u = factor * x + _by_channel(summand_ptr, image, CHANNELS, PADDED)
    if BACKWARD:
        du = tl.load(gradient_ptr + place, mask=mask, other=0.0).to(tl.float32) * _slope_of_silu(u)
        out = factor * du + _by_channel(slope_ptr, image, CHANNELS, PADDED) * x
        out += _by_channel(offset_ptr, image, CHANNELS, PADDED)
    else:
        out = u * tl.sigmoid(u)
    tl.store(out_ptr + place, out.to(out_ptr.dtype.element_ty), mask=mask)


def forward(
    x: Tensor, scale: Tensor, shift: Tensor, added: Tensor | None, groups: int, eps: float
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """SiLU of the modulated norm of `x + added`, and what `backward` needs; `scale`, `shift`, `added` `(n, c)`."""
    n, channels = x.shape[:2]
    factor, summand, total = x.new_empty((3, n, channels), dtype=torch.float32)
    mean, inverse = x.new_empty((2, n, groups), dtype=torch.float32)
    sums = _summed(x, None, factor, summand)
    size = channels // groups
    _factors[(n, groups)](
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
    _factors_backward[(n, groups)](
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
    _sums[(blocks, n)](
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
    _applied[(triton.cdiv(_pixels(x), together), n)](
        x, gradient, factor, summand, slope, offset, out, _pixels(x), BACKWARD=gradient is not None,
        PIXELS=together, CHANNELS=channels, PADDED=padded, num_warps=8,
    )  # fmt: skip
    return out


def _together(padded: int) -> int:
    return min(max(1, TILE // padded), min(SPANS.values()))


def _pixels(x: Tensor) -> int:
    return x.shape[2] * x.shape[3]
