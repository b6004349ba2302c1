"""Adaptive group norm with its SiLU, and a derivative of its own: as few passes over memory as can be."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from medrecon.networks.fused import has_triton

EPS = 1e-6


def groups_of(channels: int) -> int:
    """Groups of a norm: of four channels or more, at most 32 of them."""
    return min(max(channels // 4, 1), 32)


def adaptive_norm_silu(x: Tensor, scale: Tensor, shift: Tensor, added: Tensor | None = None) -> Tensor:
    """SiLU of the group norm of `x + added`, scaled and shifted; `x` `(n, c, y, x)`, the others `(n, c)` or `(c,)`.

    Norm and modulation are one factor and one summand a channel, so that two passes over memory do: one for the
    moments, in single precision whatever `x` is, and one for the rest. It works on channels-last tensors as they are.
    On CUDA both are Triton kernels, where Triton is there.
    """
    scale, shift = (value.expand(len(x), -1) for value in (scale, shift))
    added = None if added is None else added.expand(len(x), -1)
    if torch.compiler.is_compiling():  # derives and joins it by itself
        x = x if added is None else x + _channels(added, x)
        return F.silu(_modulated(x, *_factors(x, scale, shift)[:2]))
    if in_one_pass(x):
        return cast(Tensor, _FusedNormSilu.apply(x, scale, shift, added))
    return cast(Tensor, _AdaptiveNormSilu.apply(x if added is None else x + _channels(added, x), scale, shift))


def in_one_pass(x: Tensor) -> bool:
    """Whether the Triton kernels of this folder serve `x`."""
    # the compiler is asked first: it cannot trace the search for Triton, and would break its graph there
    return not torch.compiler.is_compiling() and x.is_cuda and has_triton()


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


class _FusedNormSilu(torch.autograd.Function):
    """The same in five passes, those of `x + added` among them; sums over pixels come in an order of their own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, added: Tensor | None) -> Tensor:
        from medrecon.networks.ddgan import norm_triton  # Triton is imported where there is a card only

        x = x.contiguous(memory_format=torch.channels_last)
        out, saved = norm_triton.forward(x, scale, shift, added, groups_of(x.shape[1]), EPS)
        ctx.save_for_backward(x, scale, added, *saved)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        from medrecon.networks.ddgan import norm_triton

        x, scale, added, *saved = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        dx, dscale, dshift, dadded = norm_triton.backward(gradient, x, scale, added, tuple(saved))
        own = None if added is None else dadded.to(added.dtype)
        return dx, dscale.to(scale.dtype), dshift.to(scale.dtype), own


def _channels(values: Tensor, x: Tensor) -> Tensor:
    return values.flatten(1).to(x.dtype)[:, :, None, None]
