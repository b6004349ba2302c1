"""Centred orthonormal Fourier transform over the last two axes; the centre is index n // 2, odd sizes included."""

from typing import final

import torch
from torch import Tensor

from medrecon.operators.linear import Identity, LinearOperator, Shape

AXES = (-2, -1)


def fft2c(x: Tensor, axes: tuple[int, ...] = AXES) -> Tensor:
    """Image to k-space, unitary; zero position and zero frequency both at index n // 2 of `axes`."""
    return torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(x, axes), dim=axes, norm="ortho"), axes)


def ifft2c(k: Tensor, axes: tuple[int, ...] = AXES) -> Tensor:
    """K-space to image: inverse and adjoint of `fft2c`."""
    return torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(k, axes), dim=axes, norm="ortho"), axes)


@final
class Fourier(LinearOperator):
    """Unitary transform of images `(…, *shape)` to k-space of the same shape, over its last two axes."""

    def __init__(self, shape: Shape) -> None:
        self.in_shape = self.out_shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return fft2c(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return ifft2c(y)

    @property
    def gram(self) -> LinearOperator:
        return Identity(self.in_shape)
