"""Layers of generator and discriminator: time embedding, binomial resampling, adaptive group norm, attention."""

from __future__ import annotations

import math
from typing import Any, cast, final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
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
    scale, shift = (value.expand(len(x), -1) for value in (scale, shift))
    if torch.compiler.is_compiling():  # derives and joins it by itself
        return F.silu(_modulated(x, *_factors(x, scale, shift)[:2]))
    return cast(Tensor, _AdaptiveNormSilu.apply(x, scale, shift))


def _factors(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`(n, g, c / g)` factor and summand, and `(n, g, 1)` mean and inverse deviation, all in single precision."""
    grouped = x.unflatten(1, (groups_of(x.shape[1]), -1))
    scale, shift = (value.float().unflatten(1, grouped.shape[1:3]) for value in (scale, shift))
    mean = grouped.mean((2, 3, 4), dtype=torch.float32)[..., None]
    norm = torch.linalg.vector_norm(grouped, dim=(2, 3, 4), dtype=torch.float32)[..., None]
    rms = norm / grouped[0, 0].numel() ** 0.5
    inverse = (rms.square() - mean.square()).clamp(min=0).add(EPS).rsqrt()
    factor = scale * inverse
    return factor, shift - mean * factor, mean, inverse


def _modulated(x: Tensor, factor: Tensor, summand: Tensor) -> Tensor:
    return torch.addcmul(_channels(summand, x), x, _channels(factor, x))


class _AdaptiveNormSilu(torch.autograd.Function):
    """With its derivative by hand: seven passes over memory, where torch's of the parts takes some twenty.

    With u = f x + s, f = scale i, s = shift - m f, and i, m of a group's N values:
    dx = f du + (dm + 2 dv (x - m)) / N, where dm = -sum f sum du and dv = -i^3 / 2 sum scale sum du (x - m).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        factor, summand, mean, inverse = _factors(x, scale, shift)
        ctx.save_for_backward(x, scale, factor, summand, mean, inverse)
        return F.silu(_modulated(x, factor, summand))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        x, scale, factor, summand, mean, inverse = ctx.saved_tensors
        du = torch.ops.aten.silu_backward(gradient, _modulated(x, factor, summand))
        total, moment = (v.sum((2, 3), dtype=torch.float32).view_as(factor) for v in (du, du * x))
        moment = moment - mean * total  # of x - m
        own = scale.float().view_as(factor)
        n = x[0].numel() // mean.shape[1]
        slope = -(inverse**3) * (own * moment).sum(2, keepdim=True) / n
        offset = -(factor * total).sum(2, keepdim=True) / n - slope * mean
        dx = torch.addcmul(_modulated(x, slope.expand_as(factor), offset.expand_as(factor)), du, _channels(factor, x))
        return dx, (moment * inverse).flatten(1).to(scale.dtype), total.flatten(1).to(scale.dtype)


def _channels(values: Tensor, x: Tensor) -> Tensor:
    return values.flatten(1).to(x.dtype)[:, :, None, None]


@final
class Resample(nn.Module):
    """Halves or doubles the resolution with the binomial filter [1, 3, 3, 1], zeros beyond the border.

    As means of neighbours: a convolution with a group a channel is slow for channels-last tensors on a GPU, and a
    compiler cannot join it with what comes before and after.
    """

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        return _doubled(x) if self.up else _halved(x)


def _halved(x: Tensor) -> Tensor:
    """[1, 3, 3, 1] / 8 is half the mean of four and half that of the inner two, along y and along x."""
    wide, narrow = F.avg_pool2d(x, 4, 2, padding=1), F.avg_pool2d(x, 2)
    mixed = F.avg_pool2d(x, (4, 2), 2, padding=(1, 0)) + F.avg_pool2d(x, (2, 4), 2, padding=(0, 1))
    return (wide + narrow + mixed) / 4


def _doubled(x: Tensor) -> Tensor:
    """Every pixel twice, then [1, 2, 1] / 4, the mean of two taken twice."""
    x = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.avg_pool2d(F.avg_pool2d(x, 2, stride=1, padding=1), 2, stride=1)


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
