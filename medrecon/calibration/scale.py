"""One scalar a volume brings every scan to the same units: 99th percentile of the combined ACS image = 1."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.operators.fourier import ifft2c

MAX_LINES = 32
QUANTILE = 0.99
WHOLE = 0.75  # an axis counts as covered whole from this share on: a readout whose border was zero-filled


def acs_images(kspace: Tensor, acs: tuple[int, int]) -> Tensor:
    """Low-resolution images of the central `acs` = (y, x) points of k-space `(…, y, x)`, zero-filled.

    At most 32 lines are read, so that scale and phase mean the same whatever the acceleration; no taper, since on
    real 2 mm data it leaves twice the phase in the image (imaginary energy 13 % against 7 % at 12 lines).
    In training the same function takes `fft2c(image)`.
    """
    return ifft2c(only_centre(kspace, reference_size((kspace.shape[-2], kspace.shape[-1]), acs)))


def only_centre(kspace: Tensor, acs: tuple[int, int]) -> Tensor:
    """K-space with zeros outside the central `acs` points."""
    centre = torch.zeros_like(kspace)
    centre_crop(centre, acs).copy_(centre_crop(kspace, acs))
    return centre


def reference_size(matrix: tuple[int, int], acs: tuple[int, int]) -> tuple[int, int]:
    """The part of the ACS that scale and phase are read from: 32 points at most, but an axis that is covered whole."""
    lines = min((0, 1), key=lambda axis: acs[axis] / matrix[axis])
    y, x = (
        size if axis != lines and size >= WHOLE * matrix[axis] else min(size, MAX_LINES)
        for axis, size in enumerate(acs)
    )
    return y, x


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
