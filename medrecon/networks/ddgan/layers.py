"""Layers of generator and discriminator: convolution, sum of two ways, time embedding, attention."""

from __future__ import annotations

import math
from typing import Any, cast, final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from medrecon.networks.ddgan.norm import EPS, groups_of, in_one_pass

HALF_POWER = 0.5**0.5
"""Factor on a sum of two, so that its variance is theirs."""


@final
class Conv(nn.Conv2d):
    """A convolution without its bias, which the pass behind it adds."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self._conv_forward(x, self.weight, None)

    @property
    def offset(self) -> Tensor:
        """The bias `(c,)`."""
        assert self.bias is not None
        return self.bias


def half_power_sum(x: Tensor, other: Tensor, bias: Tensor) -> Tensor:
    """The sum of both and `bias` `(c,)`, with their variance if all of it is theirs."""
    if in_one_pass(x):
        return cast(Tensor, _Summed.apply(x, other, bias))
    return (x + other + bias.to(x.dtype)[:, None, None]) * HALF_POWER


class _Summed(torch.autograd.Function):
    """In one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, other: Tensor, bias: Tensor) -> Tensor:
        from medrecon.networks.ddgan import passes_triton  # Triton is imported where there is a card only

        ctx.dtypes = x.dtype, other.dtype, bias.dtype
        x, other = (value.contiguous(memory_format=torch.channels_last) for value in (x, other))
        return passes_triton.summed(x, other, bias, HALF_POWER)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        gradient = gradient * HALF_POWER
        total = gradient.sum((0, 2, 3), dtype=torch.float32) if ctx.needs_input_grad[2] else None
        own = (gradient, gradient, total)
        return tuple(None if g is None else g.to(dtype) for g, dtype in zip(own, ctx.dtypes, strict=True))


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
        return (x + added) * HALF_POWER
