"""The Triton kernels behind `norm_triton`, on channels-last tensors.

A program of a pass over memory holds some pixels of one image with all their channels; one of `factors` a group.
"""

# ruff: noqa: ANN001, ANN201, ANN202
# pyright: reportMissingImports=false, reportIndexIssue=false

from __future__ import annotations

import triton
import triton.language as tl


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
def sums(
    x_ptr, gradient_ptr, factor_ptr, summand_ptr, sums_ptr, pixels,
    BACKWARD: tl.constexpr, SPAN: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """Sums over some pixels of x and its square, or of du and du x."""
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
def factors(
    sums_ptr, scale_ptr, shift_ptr, added_ptr, factor_ptr, summand_ptr, total_ptr, mean_ptr, inverse_ptr,
    blocks, pixels, scale_row, shift_row, added_row, eps,
    ADDED: tl.constexpr, CHANNELS: tl.constexpr, SIZE: tl.constexpr, WIDTH: tl.constexpr, JOINED: tl.constexpr,
):  # fmt: skip
    """Factor and summand of each channel of a group from the sums, and what the way back needs."""
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
def factors_backward(
    sums_ptr, scale_ptr, added_ptr, factor_ptr, total_ptr, mean_ptr, inverse_ptr,
    dscale_ptr, dshift_ptr, dadded_ptr, slope_ptr, offset_ptr, blocks, pixels, scale_row, added_row,
    ADDED: tl.constexpr, CHANNELS: tl.constexpr, SIZE: tl.constexpr, WIDTH: tl.constexpr, JOINED: tl.constexpr,
):  # fmt: skip
    """Gradients by scale, shift and what was added, and what a channel's x is multiplied with and gets on the way back.

    It is that of `norm._AdaptiveNormSilu`.
    """
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
def applied(
    x_ptr, gradient_ptr, factor_ptr, summand_ptr, slope_ptr, offset_ptr, out_ptr, pixels,
    BACKWARD: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """SiLU of factor x + summand, or the gradient by x."""
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
