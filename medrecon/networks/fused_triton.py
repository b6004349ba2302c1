"""The Triton kernel behind `fused`: one program a block of pixels, all channels of a pixel together."""

# ruff: noqa: ANN001, ANN202
# pyright: reportMissingImports=false, reportIndexIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _kernel(
    x_ptr, delta_ptr, bias_ptr, scale_ptr, shift_ptr, total_ptr, out_ptr,
    pixels, pixels_an_image, channels, eps,
    HAS_DELTA: tl.constexpr, HAS_BIAS: tl.constexpr, MODULATED: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (pixel < pixels)[:, None] & inside[None, :]
    place = pixel.to(tl.int64)[:, None] * channels + channel[None, :]
    value = tl.load(x_ptr + place, mask=mask, other=0.0).to(tl.float32)
    if HAS_BIAS:
        value += tl.load(bias_ptr + channel, mask=inside, other=0.0).to(tl.float32)[None, :]
    if HAS_DELTA:
        value += tl.load(delta_ptr + place, mask=mask, other=0.0).to(tl.float32)
        tl.store(total_ptr + place, value.to(total_ptr.dtype.element_ty), mask=mask)
        value = value.to(total_ptr.dtype.element_ty).to(tl.float32)
    value = tl.where(inside[None, :], value, 0.0)
    mean = tl.sum(value, axis=1) / channels
    centred = tl.where(inside[None, :], value - mean[:, None], 0.0)
    variance = tl.sum(centred * centred, axis=1) / channels
    normed = centred * tl.rsqrt(variance + eps)[:, None]
    if MODULATED:
        at = (pixel // pixels_an_image)[:, None] * channels + channel[None, :]
        scale = tl.load(scale_ptr + at, mask=mask, other=0.0).to(tl.float32)
        shift = tl.load(shift_ptr + at, mask=mask, other=0.0).to(tl.float32)
        normed = shift + (1 + scale) * normed
    out = normed * tl.sigmoid(normed)
    tl.store(out_ptr + place, out.to(out_ptr.dtype.element_ty), mask=mask)


def launch(
    x: Tensor, delta: Tensor | None, bias: Tensor | None, scale: Tensor | None, shift: Tensor | None, eps: float
) -> tuple[Tensor, Tensor]:
    """(x + delta + bias, activated) on channels-last tensors; without `delta` the first is `x` itself."""
    batch, channels, height, width = x.shape
    out = torch.empty_like(x)
    total = x if delta is None else torch.empty_like(x)
    if delta is not None:
        delta = delta.contiguous(memory_format=torch.channels_last)
    if scale is not None and shift is not None:
        scale, shift = scale.contiguous(), shift.contiguous()
    padded = triton.next_power_of_2(channels)
    block = max(1, 4096 // padded)
    pixels = batch * height * width
    _kernel[(triton.cdiv(pixels, block),)](
        x, delta, bias, scale, shift, total, out, pixels, height * width, channels, eps,
        HAS_DELTA=delta is not None, HAS_BIAS=bias is not None, MODULATED=scale is not None,
        PIXELS=block, CHANNELS=padded, num_warps=8,
    )  # fmt: skip
    return total, out
