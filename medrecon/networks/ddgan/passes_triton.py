"""The Triton kernels behind `resample` and `block`: binomial resampling, and a sum of two with a bias, in one pass.

Tensors are channels-last; a program holds some pixels of the output with all their channels.
"""

# ruff: noqa: ANN001, ANN202
# pyright: reportMissingImports=false, reportIndexIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE = 4096
"""Values that a program holds."""


@triton.jit
def _own(pixels, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr):
    """Pixels and channels of a program, and which of them there are."""
    pixel, channel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS), tl.arange(0, PADDED)
    return pixel, channel, (pixel < pixels)[:, None] & (channel < CHANNELS)[None, :]


@triton.jit(do_not_specialize=["pixels", "height", "width"])
def _halved(
    x_ptr, out_ptr, pixels, height, width, gain,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """Output of `height` x `width`; [1, 3, 3, 1] / 8 along both axes, times `gain`."""
    pixel, channel, mask = _own(pixels, PIXELS, CHANNELS, PADDED)
    column, row, image = pixel % width, pixel // width % height, pixel // width // height
    total = tl.zeros([PIXELS, PADDED], tl.float32)
    for tap in tl.static_range(16):
        y, x = 2 * row - 1 + tap // 4, 2 * column - 1 + tap % 4
        weight = (3 if tap // 4 % 3 else 1) * (3 if tap % 4 % 3 else 1)
        seen = ((y >= 0) & (y < 2 * height) & (x >= 0) & (x < 2 * width))[:, None] & mask
        place = ((image.to(tl.int64) * 2 * height + y) * 2 * width + x)[:, None] * CHANNELS + channel[None, :]
        total += weight * tl.load(x_ptr + place, mask=seen, other=0.0).to(tl.float32)
    place = pixel.to(tl.int64)[:, None] * CHANNELS + channel[None, :]
    tl.store(out_ptr + place, (total * (gain / 64)).to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["pixels", "height", "width"])
def _doubled(
    x_ptr, out_ptr, pixels, height, width, gain,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """Output of `height` x `width`; the nearest pixel three times and the next one once, over 4, times `gain`."""
    pixel, channel, mask = _own(pixels, PIXELS, CHANNELS, PADDED)
    column, row, image = pixel % width, pixel // width % height, pixel // width // height
    total = tl.zeros([PIXELS, PADDED], tl.float32)
    for tap in tl.static_range(4):
        y = row // 2 + (tap // 2) * (2 * (row % 2) - 1)
        x = column // 2 + (tap % 2) * (2 * (column % 2) - 1)
        weight = (1 if tap // 2 else 3) * (1 if tap % 2 else 3)
        seen = ((y >= 0) & (y < height // 2) & (x >= 0) & (x < width // 2))[:, None] & mask
        place = ((image.to(tl.int64) * (height // 2) + y) * (width // 2) + x)[:, None] * CHANNELS + channel[None, :]
        total += weight * tl.load(x_ptr + place, mask=seen, other=0.0).to(tl.float32)
    place = pixel.to(tl.int64)[:, None] * CHANNELS + channel[None, :]
    tl.store(out_ptr + place, (total * (gain / 16)).to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["pixels"])
def _summed(
    x_ptr, other_ptr, bias_ptr, out_ptr, pixels, factor,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    pixel, channel, mask = _own(pixels, PIXELS, CHANNELS, PADDED)
    place = pixel.to(tl.int64)[:, None] * CHANNELS + channel[None, :]
    total = tl.load(x_ptr + place, mask=mask, other=0.0).to(tl.float32)
    total += tl.load(other_ptr + place, mask=mask, other=0.0).to(tl.float32)
    total += tl.load(bias_ptr + channel, mask=channel < CHANNELS, other=0.0).to(tl.float32)[None, :]
    tl.store(out_ptr + place, (total * factor).to(out_ptr.dtype.element_ty), mask=mask)


def halved(x: Tensor, gain: float) -> Tensor:
    """`(n, c, y / 2, x / 2)`, sides even."""
    n, channels, height, width = x.shape
    return _resampled(_halved, x, (n, channels, height // 2, width // 2), gain)


def doubled(x: Tensor, gain: float) -> Tensor:
    """`(n, c, 2 y, 2 x)`."""
    n, channels, height, width = x.shape
    return _resampled(_doubled, x, (n, channels, 2 * height, 2 * width), gain)


def summed(x: Tensor, other: Tensor, bias: Tensor, factor: float) -> Tensor:
    """`(x + other + bias) factor`, `bias` `(c,)`."""
    out = torch.empty_like(x)
    pixels, shape = len(x) * x.shape[2] * x.shape[3], _shape(x.shape[1])
    _summed[(triton.cdiv(pixels, shape["PIXELS"]),)](x, other, bias, out, pixels, factor, **shape, num_warps=8)
    return out


def _resampled(kernel, x: Tensor, size: tuple[int, int, int, int], gain: float) -> Tensor:
    n, channels, height, width = size
    out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    pixels, shape = n * height * width, _shape(channels)
    kernel[(triton.cdiv(pixels, shape["PIXELS"]),)](x, out, pixels, height, width, gain, **shape, num_warps=8)
    return out


def _shape(channels: int) -> dict[str, int]:
    padded = triton.next_power_of_2(channels)
    return {"PIXELS": max(1, TILE // padded), "CHANNELS": channels, "PADDED": padded}
