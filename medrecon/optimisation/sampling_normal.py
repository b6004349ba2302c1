"""A^H A of Cartesian sampling, in the fewest transforms."""

from typing import final

import torch
from torch import Tensor

from medrecon.operators.linear import LinearOperator, Shape


@final
class SamplingNormal(LinearOperator):
    """F^H M F on images `(…, *shape)`, Hermitian: sampling of the centred `mask` `(y, x)`.

    A circular convolution, so that the centring shifts of F cancel; along an axis on which the mask is constant (the
    readout of a 1-D mask) the transform itself cancels.
    """

    def __init__(self, mask: Tensor, shape: Shape) -> None:
        self.axes = tuple(axis for axis in (-2, -1) if _varies(mask, axis))
        self.mask = torch.fft.ifftshift(mask, self.axes) if self.axes else mask
        self.in_shape = self.out_shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        if not self.axes:
            return x * self.mask
        return torch.fft.ifftn(torch.fft.fftn(x, dim=self.axes) * self.mask, dim=self.axes)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.forward(y)


@final
class SenseNormal(LinearOperator):
    """A^H A = S^H F^H M F S on images `(…, slice, y, x)`; equals `problem.forward.gram` at a fraction of its time.

    `maps` is `(slice, coil, y, x)`, `mask` `(y, x)`.
    """

    def __init__(self, maps: Tensor, mask: Tensor) -> None:
        self.maps, self.conjugate = maps, maps.conj().resolve_conj()
        self.sampling = SamplingNormal(mask, tuple(maps.shape))
        self.in_shape = self.out_shape = (*maps.shape[:-3], *maps.shape[-2:])

    def forward(self, x: Tensor) -> Tensor:
        return (self.sampling.forward(x.unsqueeze(-3) * self.maps) * self.conjugate).sum(-3)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.forward(y)


def _varies(mask: Tensor, axis: int) -> bool:
    return bool((mask != mask.narrow(axis, 0, 1)).any())
