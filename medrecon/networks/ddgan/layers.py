"""Layers of generator and discriminator: time embedding, binomial resampling, adaptive group norm, attention."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-6


def groups_of(channels: int) -> int:
    """Groups of a norm: of four channels or more, at most 32 of them."""
    return min(max(channels // 4, 1), 32)


def adaptive_norm_silu(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """SiLU of the group norm of `x` `(n, c, y, x)`, scaled and shifted by `(n, c)` or `(c,)`.

    Norm and modulation are one factor and one summand a channel, so that two passes over memory do: one for the
    moments, in single precision whatever `x` is, and one for the rest. It works on channels-last tensors as they are.
    """
    grouped = x.unflatten(1, (groups_of(x.shape[1]), -1))
    mean = grouped.mean((2, 3, 4), dtype=torch.float32)
    rms = torch.linalg.vector_norm(grouped, dim=(2, 3, 4), dtype=torch.float32) / grouped[0, 0].numel() ** 0.5
    inverse = (rms.square() - mean.square()).clamp(min=0).add(EPS).rsqrt()
    mean, inverse = (value.repeat_interleave(grouped.shape[2], dim=1) for value in (mean, inverse))
    factor = scale.float() * inverse
    summand = shift.float() - mean * factor
    factor, summand = (value.to(x.dtype)[:, :, None, None] for value in (factor, summand))
    return F.silu(torch.addcmul(summand, x, factor))


@final
class Resample(nn.Module):
    """Halves or doubles the resolution with the binomial filter [1, 3, 3, 1], as depthwise convolutions."""

    kernel: Tensor

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        # doubling fills three of four pixels with zeros, which the gain of 4 makes up for
        kernel = taps[:, None] * taps / (16 if up else 64)
        self.register_buffer("kernel", kernel[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(channels, 1, 4, 4)
        resample = F.conv_transpose2d if self.up else F.conv2d
        return resample(x, kernel, stride=2, padding=1, groups=channels)


@final
class StepEmbedding(nn.Module):
    """Sinusoids of a step's number `(n,)`, from 0, then two linear layers with `activation` between."""

    def __init__(self, size: int, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.size, self.activation = size, activation
        self.first, self.second = nn.Linear(size, width), nn.Linear(width, width)

    def forward(self, k: Tensor) -> Tensor:
        half = self.size // 2
        rate = math.log(10000) / (half - 1)
        phase = k[:, None].float() * torch.exp(-rate * torch.arange(half, device=k.device))
        waves = torch.cat([phase.sin(), phase.cos()], dim=1).to(self.first.weight.dtype)
        return self.second(self.activation(self.first(waves)))


@final
class Attention(nn.Module):
    """Single-head attention over all pixels, added to what it attends to; starts as the identity over sqrt(2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups_of(channels), channels, eps=EPS)
        self.query, self.key, self.value, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        pixels = self.norm(x).flatten(2).transpose(1, 2)[:, None]
        found = F.scaled_dot_product_attention(self.query(pixels), self.key(pixels), self.value(pixels))
        added = self.out(found)[:, 0].transpose(1, 2).reshape(n, c, h, w)
        return (x + added) * 0.5**0.5
