"""Binomial resampling of features."""

from __future__ import annotations

from typing import Any, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medrecon.networks.ddgan.norm import in_one_pass


@final
class Resample(nn.Module):
    """Halves or doubles the resolution with the binomial filter [1, 3, 3, 1], zeros beyond the border.

    As means of neighbours: a convolution with a group a channel is slow for channels-last tensors on a GPU, and a
    compiler cannot join it with what comes before and after. On CUDA one pass by a Triton kernel, where Triton is
    there. Sides that are halved are even.
    """

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # derives the means by itself
            return _doubled(x) if self.up else _halved(x)
        return cast(Tensor, _Resampled.apply(x, self.up, 1.0))


class _Resampled(torch.autograd.Function):
    """`gain` times the halved or doubled tensor; each is the other's transpose but for a factor of four.

    So no derivative of torch's means is asked for: on CUDA that of padded means is wrong for channels-last tensors
    (pytorch/pytorch issue 188344).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: bool, gain: float) -> Tensor:
        ctx.up, ctx.gain = up, gain
        if not in_one_pass(x):
            return gain * (_doubled(x) if up else _halved(x))
        from medrecon.networks.ddgan import passes_triton  # Triton is imported where there is a card only

        way = passes_triton.doubled if up else passes_triton.halved
        return way(x.contiguous(memory_format=torch.channels_last), gain)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        gain = ctx.gain * (4.0 if ctx.up else 0.25)
        return cast(Tensor, _Resampled.apply(gradient, not ctx.up, gain)), None, None


def _halved(x: Tensor) -> Tensor:
    """[1, 3, 3, 1] / 8 is half the mean of four and half that of the inner two, along y and along x."""
    wide, narrow = F.avg_pool2d(x, 4, 2, padding=1), F.avg_pool2d(x, 2)
    mixed = F.avg_pool2d(x, (4, 2), 2, padding=(1, 0)) + F.avg_pool2d(x, (2, 4), 2, padding=(0, 1))
    return (wide + narrow + mixed) / 4


def _doubled(x: Tensor) -> Tensor:
    """Every pixel twice, then [1, 2, 1] / 4, the mean of two taken twice."""
    x = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.avg_pool2d(F.avg_pool2d(x, 2, stride=1, padding=1), 2, stride=1)
