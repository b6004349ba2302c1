"""Coil compression by SVD of the ACS (Buehrer et al. 2007; Huang et al. 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.calibration.whiten import mix
from medrecon.crop import centre_crop

MAX_COILS = 12


@final
@dataclass(frozen=True, eq=False)
class Compression:
    """Virtual coils `matrix @ k`, `(slice, virtual, coil)` with orthonormal rows, so that white noise stays white.

    `energy` `(slice,)` is the share of the ACS energy that the virtual coils keep.
    """

    matrix: Tensor
    energy: Tensor

    def __call__(self, kspace: Tensor) -> Tensor:
        """`(slice, coil, y, x)` to `(slice, virtual, y, x)`."""
        return mix(self.matrix, kspace)


def compression(kspace: Tensor, acs: tuple[int, int], coils: int = MAX_COILS) -> Compression:
    """The `coils` strongest directions of the ACS, slice by slice.

    A fixed count (12 keeps over 99.9 % of the ACS of 16- and 32-coil heads), because a share of energy would give
    slices of one volume different numbers of coils.
    """
    samples = centre_crop(kspace, acs).flatten(2)
    values, vectors = torch.linalg.eigh((samples @ samples.mH).to(torch.complex128))
    values, vectors = values.flip(-1).clamp_min(0), vectors.flip(-1)
    energy = values[:, :coils].sum(-1) / values.sum(-1).clamp_min(torch.finfo(values.dtype).tiny)
    return Compression(vectors[..., :coils].mH.to(kspace.dtype), energy.to(kspace.real.dtype))
