"""Sliding windows over the fully sampled centre: one Gram matrix serves ESPIRiT, SPIRiT and the noise level."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.errors import InputError

CHUNK = 1 << 22  # complex numbers of unfolded windows held at once


def unfold(block: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Windows of `(slice, coil, y, x)` as columns: `(slice, coil ky kx, window)`."""
    windows = block.unfold(-2, kernel[0], 1).unfold(-2, kernel[1], 1)  # (slice, coil, wy, wx, ky, kx)
    return windows.permute(0, 1, 4, 5, 2, 3).flatten(-2).flatten(1, 3)


def window_gram(block: Tensor, kernel: tuple[int, int]) -> Tensor:
    """R = sum over windows of a a^H, `(slice, n, n)` with n = coil ky kx, for a block `(slice, coil, y, x)`.

    Windows are unfolded a few rows at a time. Raises InputError if the block is smaller than the kernel.
    """
    check_kernel_fits(block, kernel)
    n = block.shape[1] * kernel[0] * kernel[1]
    positions = block.shape[-2] - kernel[0] + 1
    rows = max(1, CHUNK // (n * block.shape[0] * (block.shape[-1] - kernel[1] + 1)))
    gram = block.new_zeros((block.shape[0], n, n))
    for first in range(0, positions, rows):
        part = unfold(block[..., first : min(first + rows, positions) + kernel[0] - 1, :], kernel)
        gram += part @ part.mH
    return gram


def check_kernel_fits(block: Tensor, kernel: tuple[int, int]) -> None:
    """Raise InputError if a window does not fit on the block `(…, y, x)`."""
    size = tuple(block.shape[-2:])
    if size[0] < kernel[0] or size[1] < kernel[1]:
        raise InputError(
            f"the calibration region is {size[0]}x{size[1]} (y, x) but the kernel needs at least "
            f"{kernel[0]}x{kernel[1]}; give more ACS lines (--acs)"
        )


def regular(gram: Tensor, share: float) -> Tensor:
    """R + share * ||R||_F / n * I, in double precision (SPIRiT's Tikhonov rule)."""
    gram = gram.to(torch.complex128)
    n = gram.shape[-1]
    ridge = share * torch.linalg.matrix_norm(gram) / n
    ridge = ridge.clamp_min(torch.finfo(torch.float64).tiny)
    return gram + ridge[:, None, None] * torch.eye(n, dtype=gram.dtype, device=gram.device)
