"""Prewhitening: coils mixed so that their noise is independent and of one level (Roemer et al. 1990)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.errors import InputError


@final
@dataclass(frozen=True, eq=False)
class Whitening:
    """k_w = W k and back, k = C k_w with C the colouring matrix; the mean noise level over coils stays.

    Attributes
    ----------
    whiten, colour : `(coil, coil)` matrices, inverse of each other.
    sigma : noise standard deviation per real component of every whitened coil.
    """

    whiten: Tensor
    colour: Tensor
    sigma: float

    def __call__(self, kspace: Tensor) -> Tensor:
        """Whitened `(slice, coil, y, x)`."""
        return mix(self.whiten, kspace)


def whitening(covariance: Tensor) -> Whitening:
    """From the noise covariance E[n n^H] `(coil, coil)`, Cholesky L L^H, scaled by the root mean square level.

    Raises InputError if the covariance is not positive definite.
    """
    covariance = covariance.to(torch.complex128)
    root, fault = torch.linalg.cholesky_ex((covariance + covariance.mH) / 2)
    if int(fault):
        raise InputError(
            f"the noise covariance of {covariance.shape[0]} coils is not positive definite (too few noise samples or a "
            "dead coil); give a longer noise prescan or a file without one"
        )
    sigma = float((covariance.diagonal().real.mean() / 2).sqrt())
    colour = root / (2**0.5 * sigma)
    return Whitening(torch.linalg.inv(colour), colour, sigma)


def mix(matrix: Tensor, kspace: Tensor) -> Tensor:
    """`(out, in)` or `(slice, out, in)` times the coils of `(slice, in, y, x)`."""
    mixed = matrix.to(kspace.device, kspace.dtype) @ kspace.flatten(2)
    return mixed.unflatten(-1, kspace.shape[-2:])


def intensity(maps: Tensor, colour: Tensor | None) -> Tensor:
    """sqrt(sum_c |(C S)_c|^2) `(slice, y, x)`: brings a combined image back to unwhitened coils with sum|S|^2 = 1.

    `maps` `(slice, coil, y, x)` in the whitened (and compressed) coils, `colour` `(slice, coil_in, coil)` or None.
    """
    if colour is None:
        return torch.ones_like(maps[:, 0].real)
    return torch.linalg.vector_norm(mix(colour, maps), dim=1)
