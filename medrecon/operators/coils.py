"""Coil sensitivities: one image seen through many coils, and its combination."""

from typing import final

from torch import Tensor

from medrecon.operators.linear import LinearOperator


@final
class Coils(LinearOperator):
    """Multiply an image `(…, y, x)` by maps `(…, coil, y, x)`; the adjoint is sum_c conj(S_c) x_c."""

    def __init__(self, maps: Tensor) -> None:
        self.maps = maps
        self.out_shape = tuple(maps.shape)
        self.in_shape = (*maps.shape[:-3], *maps.shape[-2:])

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-3) * self.maps

    def adjoint(self, y: Tensor) -> Tensor:
        return (y * self.maps.conj()).sum(-3)
