"""Sampling: keep the measured points of k-space, zero the others."""

from typing import final

from torch import Tensor

from medrecon.operators.linear import LinearOperator


@final
class Mask(LinearOperator):
    """Multiply by a boolean array `(y, x)` or `(…, y, x)`; a projector, so it is its own adjoint and gram."""

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples
        self.in_shape = self.out_shape = tuple(samples.shape)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.samples

    def adjoint(self, y: Tensor) -> Tensor:
        return y * self.samples

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self

    @property
    def gram(self) -> LinearOperator:
        return self
