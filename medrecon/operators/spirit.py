"""SPIRiT self-consistency, in k-space (G) and pixel by pixel in image space (W), specification section 3.1."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from medrecon.operators.linear import LinearOperator


@final
class Spirit(LinearOperator):
    """G: `(G k)_co(q) = sum_ci sum_d K[co, ci, d] k_ci(q + d)` on k-space `(slice, coil, y, x)`.

    `kernel` is `(slice, coil_out, coil_in, ky, kx)` with odd ky, kx; `circular` wraps around the border of k-space
    (then G is exactly `SelfConsistency`'s G(r) in image space), otherwise k-space continues with zeros.
    """

    def __init__(self, kernel: Tensor, matrix: tuple[int, int], *, circular: bool = False) -> None:
        self.kernel, self.circular = kernel, circular
        self.in_shape = (kernel.shape[0], kernel.shape[2], *matrix)
        self.out_shape = (kernel.shape[0], kernel.shape[1], *matrix)

    def forward(self, x: Tensor) -> Tensor:
        return self._correlate(x, self.kernel)

    def adjoint(self, y: Tensor) -> Tensor:
        return self._correlate(y, self.kernel.transpose(1, 2).flip(-1, -2).conj())

    def _correlate(self, k: Tensor, kernel: Tensor) -> Tensor:
        slices, outs, ins, ky, kx = kernel.shape
        lead = k.shape[:-4]
        border = (kx // 2, kx // 2, ky // 2, ky // 2)
        batch = k.reshape(-1, slices * ins, *k.shape[-2:])
        batch = pad(batch, border, mode="circular") if self.circular else pad(batch, border)
        out = conv2d(batch, kernel.resolve_conj().reshape(slices * outs, ins, ky, kx), groups=slices)
        return out.reshape(*lead, slices, outs, *k.shape[-2:])


def tap_images(kernel: Tensor, matrix: tuple[int, ...], rows: slice = slice(None), step: int = 1) -> Tensor:
    """G(r)[co, ci] = sum_d K[co, ci, d] exp(-2 i pi d r / n), d and r centred, on some rows and every `step`-th column.

    `kernel` `(slice, coil_out, coil_in, ky, kx)`; returns `(slice, coil_out, coil_in, y, x)`.
    """
    wave_y, wave_x = _waves(kernel.shape[-2], matrix[0], kernel)[rows], _waves(kernel.shape[-1], matrix[1], kernel)
    return wave_y @ (kernel @ wave_x[::step].mT)


def multiply_pixels(matrices: Tensor, x: Tensor) -> Tensor:
    """Matrices `(slice, out, in, y, x)` times vectors `(…, slice, in, y, x)`, pixel by pixel.

    A sum over planes: no temporary of the matrices' size, and no batched product of tiny matrices.
    """
    out = matrices[:, :, 0] * x[..., :1, :, :]
    for c in range(1, matrices.shape[2]):
        out.addcmul_(matrices[:, :, c], x[..., c : c + 1, :, :])
    return out


def spirit_matrices(kernel: Tensor, matrix: tuple[int, int]) -> Tensor:
    """W(r) = (G(r) - I)^H (G(r) - I) `(slice, coil, coil, y, x)`.

    Takes coil^2 * pixels * 8 bytes a slice: 34 MB for 8 coils at 256x256, 118 MB for 12 at 320x320, and for a
    moment three times that. Psi = F^-1 (G - I)^H (G - I) F with circular G is this matrix at every pixel.
    """
    images = tap_images(kernel, matrix)
    images.diagonal(dim1=1, dim2=2).sub_(1)
    return torch.einsum("secyx,sedyx->scdyx", images.conj(), images).contiguous()


@final
class SelfConsistency(LinearOperator):
    """Psi: multiply coil images `(slice, coil, y, x)` by W(r) of `spirit_matrices`, pixel by pixel; no transform.

    Hermitian, so its own adjoint. Holds the matrices (memory: see `spirit_matrices`) and copies nothing.
    """

    def __init__(self, matrices: Tensor) -> None:
        self.matrices = matrices
        self.in_shape = self.out_shape = (matrices.shape[0], *matrices.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        return multiply_pixels(self.matrices, x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.forward(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self


def _waves(taps: int, size: int, like: Tensor) -> Tensor:
    """exp(-2 i pi d r / n) for centred pixels r and taps d: `(size, taps)`."""
    r = torch.arange(size, dtype=torch.float64, device=like.device) - size // 2
    d = torch.arange(taps, dtype=torch.float64, device=like.device) - taps // 2
    return torch.exp(-2j * math.pi / size * r[:, None] * d).to(like.dtype)
