"""Orthonormal Daubechies-2 wavelets on periodic images of any size."""

from collections.abc import Sequence
from math import sqrt
from typing import final

import torch
from torch import Tensor

from medrecon.operators.linear import LinearOperator

LOW = tuple(v / (4 * sqrt(2)) for v in (1 + sqrt(3), 3 + sqrt(3), 3 - sqrt(3), 1 - sqrt(3)))
HIGH = (LOW[3], -LOW[2], LOW[1], -LOW[0])


@final
class Daubechies2(LinearOperator):
    """Images `(…, y, x)` to their wavelet coefficients, laid out in an array of the same shape.

    The approximation stands in the corner `[:h, :w]` with `(h, w) = approximation_shape`; each level's details
    surround it (Mallat's layout). Unitary for every size: where a length is odd, its last sample joins the
    approximation untouched. For even lengths equal to PyWavelets' "db2" with "periodization".
    Daubechies 1992, chapter 6; four taps, two vanishing moments; one level or more.
    """

    def __init__(self, shape: tuple[int, int], levels: int) -> None:
        self.in_shape = self.out_shape = tuple(shape)
        self.corners = [tuple(shape)]
        for _ in range(levels):
            self.corners.append(tuple((n + 1) // 2 if n >= len(LOW) else n for n in self.corners[-1]))

    @property
    def approximation_shape(self) -> tuple[int, ...]:
        return self.corners[-1]

    def forward(self, x: Tensor) -> Tensor:
        out = _analyse(_analyse(x, -1), -2)
        for h, w in self.corners[1:-1]:
            out[..., :h, :w] = _analyse(_analyse(out[..., :h, :w], -1), -2)
        return out

    def adjoint(self, y: Tensor) -> Tensor:
        out = y.clone()
        for h, w in reversed(self.corners[1:-1]):
            out[..., :h, :w] = _synthesise(_synthesise(out[..., :h, :w], -2), -1)
        return _synthesise(_synthesise(out, -2), -1)


def _analyse(x: Tensor, axis: int) -> Tensor:
    """One level along one axis: approximation, untouched odd sample, details."""
    n = x.shape[axis]
    if n < len(LOW):
        return x
    even, odd = _phases(x, axis)
    taps = odd.roll(1, axis), even, odd, even.roll(-1, axis)
    return torch.cat((_combine(taps, LOW), x.narrow(axis, n - n % 2, n % 2), _combine(taps, HIGH)), axis)


def _synthesise(y: Tensor, axis: int) -> Tensor:
    """Transpose of `_analyse`."""
    n = y.shape[axis]
    if n < len(LOW):
        return y
    low, rest, high = y.split((n // 2, n % 2, n // 2), axis)
    taps = [_combine((low, high), weights) for weights in zip(LOW, HIGH, strict=True)]
    even, odd = taps[1] + taps[3].roll(1, axis), taps[2] + taps[0].roll(-1, axis)
    pairs = torch.stack((even, odd), y.ndim + axis + 1).flatten(y.ndim + axis, y.ndim + axis + 1)
    return torch.cat((pairs, rest), axis)


def _phases(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Even and odd samples, without the last one of an odd length."""
    pairs = x.narrow(axis, 0, x.shape[axis] // 2 * 2).unflatten(axis, (-1, 2))
    even, odd = pairs.unbind(x.ndim + axis + 1)
    return even, odd


def _combine(terms: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = terms[0] * weights[0]
    for term, weight in zip(terms[1:], weights[1:], strict=True):
        total.add_(term, alpha=weight)
    return total
