"""One scalar a volume brings every scan to the same units: 99th percentile of the combined ACS image = 1."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.operators.fourier import ifft2c

MAX_LINES = 32
QUANTILE = 0.99


def acs_window(matrix: tuple[int, ...], acs: tuple[int, int], like: Tensor) -> Tensor:
    """Real window `(y, x)`, zero outside the central `acs` (y, x) points; real dtype and device of `like`.

    Hamming along an axis that the ACS covers in part, ones along an axis that it covers whole. An axis is covered
    whole from 3/4 of its points on: the readout stays sharp even where its border was zero-filled.
    """
    axes = [_taper(n, min(size, n), like) for n, size in zip(matrix, acs, strict=True)]
    return axes[0][:, None] * axes[1]


def acs_images(kspace: Tensor, acs: tuple[int, int]) -> Tensor:
    """Low-resolution images `(…, y, x)` of k-space `(…, y, x)` through `acs_window`.

    At most 32 of the ACS lines count along an axis that is covered in part, so that scale and phase mean the same
    whatever the acceleration. In training the same function takes `fft2c(image)`.
    """
    matrix = tuple(kspace.shape[-2:])
    return ifft2c(kspace * acs_window(matrix, reference_size(matrix, acs), kspace))


def reference_size(matrix: tuple[int, ...], acs: tuple[int, int]) -> tuple[int, int]:
    """The part of the ACS that scale and phase are read from: at most 32 points along the shorter-covered axis."""
    lines = min(range(2), key=lambda axis: acs[axis] / matrix[axis])
    return tuple(
        min(size, MAX_LINES) if axis == lines or not _whole(n, size) else size
        for axis, (n, size) in enumerate(zip(matrix, acs, strict=True))
    )  # type: ignore[return-value]


def acs_image_scale(images: Tensor) -> float:
    """99th percentile of the magnitude of combined ACS images `(…, y, x)` of one volume, as one number.

    Raises InputError if it is zero or not finite.
    """
    magnitude = images.abs().flatten()
    # kthvalue, not quantile: that one refuses more than 2^24 pixels
    scale = float(magnitude.kthvalue(max(1, round(QUANTILE * magnitude.numel()))).values)
    if not 0 < scale < float("inf"):
        raise InputError(f"the centre of k-space gives an image scale of {scale}; check that k-space holds data")
    return scale


def combined(coil_images: Tensor) -> Tensor:
    """Root sum of squares over coils of `(slice, coil, y, x)`.

    Equals |sum_c conj(S_c) x_c| where maps explain the images, and needs no maps, so that a volume's scale costs one
    low-resolution transform a slice.
    """
    return torch.linalg.vector_norm(coil_images, dim=-3)


def _whole(n: int, size: int) -> bool:
    return size >= 0.75 * n


def _taper(n: int, size: int, like: Tensor) -> Tensor:
    window = torch.zeros(n, dtype=torch.float64, device=like.device)
    start = n // 2 - size // 2
    if _whole(n, size):
        window[start : start + size] = 1
    else:
        q = torch.arange(size, dtype=torch.float64, device=like.device) - size // 2
        window[start : start + size] = 0.54 + 0.46 * torch.cos(2 * torch.pi * q / (size + 1))
    return window.to(like.real.dtype)
