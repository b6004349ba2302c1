"""Cholesky factors of a coil-by-coil matrix at every pixel, applied to coil images."""

from typing import final

import torch
from torch import Tensor

ROUNDING = 20
"""Units of rounding, of a matrix's trace, by which its smallest eigenvalue may be wrong."""


@final
class PixelFactor:
    """N = L L^H for Hermitian positive definite N `(slice, y, x, coil, coil)`.

    Factors are kept by column with pixels last, so that a product is one fused pass over the images for each coil and
    skips the zeros of the triangle: several times the speed of batched small matrix products on a CPU.
    """

    def __init__(self, matrices: Tensor) -> None:
        root = torch.linalg.cholesky(matrices)
        identity = torch.eye(root.shape[-1], dtype=root.dtype, device=root.device)
        inverse = torch.linalg.solve_triangular(root, identity, upper=False)
        self._inverse, self._inverse_adjoint, self._root_adjoint = map(_columns, (inverse, inverse.mH, root.mH))

    def inverse(self, x: Tensor) -> Tensor:
        """L^-1 x for coil images `(slice, coil, y, x)`."""
        return _lower(self._inverse, x)

    def inverse_adjoint(self, z: Tensor) -> Tensor:
        """L^-H z."""
        return _upper(self._inverse_adjoint, z)

    def adjoint(self, x: Tensor) -> Tensor:
        """L^H x, the inverse of `inverse_adjoint`."""
        return _upper(self._root_adjoint, x)


@final
class PixelNoise:
    """R n with R R^H = K for Hermitian K `(slice, y, x, coil, coil)` that may be singular: noise of covariance K.

    In double precision on a diagonal raised by what rounding can have taken from K.
    """

    def __init__(self, matrices: Tensor) -> None:
        scale = matrices.diagonal(dim1=-2, dim2=-1).real.sum(-1)
        floor = (ROUNDING * torch.finfo(matrices.dtype).eps * scale).clamp(min=torch.finfo(scale.dtype).tiny)
        raised = matrices.to(torch.complex128) + torch.diag_embed(floor[..., None].expand(matrices.shape[:-1]))
        self._root = _columns(torch.linalg.cholesky(raised).to(matrices.dtype))

    def __call__(self, normals: Tensor) -> Tensor:
        """R n for standard normal coil images n `(slice, coil, y, x)`."""
        return _lower(self._root, normals)


def _columns(matrices: Tensor) -> Tensor:
    """`(slice, y, x, row, column)` to `(column, slice, row, y, x)`."""
    return matrices.permute(4, 0, 3, 1, 2).resolve_conj().contiguous()


def _lower(columns: Tensor, x: Tensor) -> Tensor:
    out = columns[0] * x[:, :1]
    for b in range(1, x.shape[1]):
        out[:, b:].addcmul_(columns[b, :, b:], x[:, b : b + 1])
    return out


def _upper(columns: Tensor, x: Tensor) -> Tensor:
    out = columns[-1] * x[:, -1:]
    for b in range(x.shape[1] - 1):
        out[:, : b + 1].addcmul_(columns[b, :, : b + 1], x[:, b : b + 1])
    return out
