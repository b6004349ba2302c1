"""`Scan`: what the scanner gave, before any physics is estimated from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from medrecon.errors import InputError

MaskPattern = Callable[["Scan"], "tuple[Tensor, float | None]"]


@dataclass(frozen=True, eq=False)
class Scan:
    """Multi-coil Cartesian k-space of one volume, with what is known about it.

    Attributes
    ----------
    kspace : `(slice, coil, y, x)` complex64, zero where nothing was sampled; centre at index n // 2.
    mask : `(y, x)` bool, the sampled points; every slice shares it.
    lattice : `(y, x)` bool, the points that the scanner's protocol covers: no padding, no partial-Fourier gap,
        no zero-filled border. Net acceleration is counted on it.
    phase_axes : which array axes are phase encoded: `("y",)`, `("x",)` or `("y", "x")`.
    voxel_mm : pixel size (y, x) of the k-space grid in mm, None where the file has none.
    slice_mm : distance of slices in mm.
    crop : (y, x) size to which finished images are centre-cropped, None for the whole grid.
    noise : `(coil, n)` complex samples of a noise prescan, None where there was none.
    truth : `(slice, y, x)` float, noise-free image of a simulated scan on the cropped grid.
    lesions : `(slice, y, x)` bool on the same grid.
    full : the fully sampled scan that this one was undersampled from.
    nominal_acceleration : the mask definition's own number, where it has one.
    pattern : how the mask was made, for the record; None for a scan as it was acquired.
    name : short name of the source, never a path nor an identity.
    header : header facts worth keeping (sequence, field strength, ...); nothing that identifies a person.
    """

    kspace: Tensor
    mask: Tensor
    lattice: Tensor
    phase_axes: tuple[str, ...]
    voxel_mm: tuple[float, float] | None = None
    slice_mm: float | None = None
    crop: tuple[int, int] | None = None
    noise: Tensor | None = None
    truth: Tensor | None = None
    lesions: Tensor | None = None
    full: Scan | None = None
    nominal_acceleration: float | None = None
    pattern: str | None = None
    name: str = "scan"
    header: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_slices(self) -> int:
        return self.kspace.shape[0]

    @property
    def n_coils(self) -> int:
        return self.kspace.shape[1]

    @property
    def matrix(self) -> tuple[int, int]:
        """Size (y, x) of the k-space grid."""
        return self.kspace.shape[-2], self.kspace.shape[-1]

    @property
    def acquired_matrix(self) -> tuple[int, int]:
        """Lines and columns of the lattice that the protocol covers."""
        return int(self.lattice.any(1).sum()), int(self.lattice.any(0).sum())

    @property
    def is_fully_sampled(self) -> bool:
        return bool((self.mask | ~self.lattice).all())

    @property
    def net_acceleration(self) -> float:
        """Acquired lattice points over sampled points."""
        return float(self.lattice.sum() / (self.mask & self.lattice).sum())

    def undersample(self, mask: Tensor | MaskPattern) -> Scan:
        """Keep only the points of `mask`, a bool `(y, x)` array or a pattern of `medrecon.masks`.

        The result remembers the fully sampled scan (`full`), so that it can be scored.
        Raises InputError if this scan is itself undersampled or the mask has another shape.
        """
        if not self.is_fully_sampled:
            raise InputError(
                f"{self.name} is already undersampled (net {self.net_acceleration:.2f}); "
                "it cannot be undersampled again: reconstruct it as it is, without --accel or --mask"
            )
        samples, nominal = mask(self) if callable(mask) else (mask, None)
        samples = torch.as_tensor(samples)
        if tuple(samples.shape) != self.matrix:
            raise InputError(
                f"the mask has shape {tuple(samples.shape)}, k-space {self.matrix} (y, x); give a mask of that shape"
            )
        samples = samples.to(self.kspace.device).bool() & self.lattice
        made = repr(mask) if callable(mask) else "a mask that was given"
        return replace(
            self, kspace=self.kspace * samples, mask=samples, full=self, nominal_acceleration=nominal, pattern=made
        )

    def to(self, device: torch.device | str) -> Scan:
        """With what calibration reads on `device`; truth, lesions and the full scan stay where they are."""
        return replace(
            self,
            kspace=self.kspace.to(device),
            mask=self.mask.to(device),
            lattice=self.lattice.to(device),
            noise=None if self.noise is None else self.noise.to(device),
        )

    def slices(self, start: int | None, stop: int | None) -> Scan:
        """The slices `[start:stop]`."""
        part = slice(start, stop)
        if len(range(*part.indices(self.n_slices))) == 0:
            raise InputError(
                f"slices {start}:{stop} select nothing of {self.n_slices} slices; give a range inside 0:{self.n_slices}"
            )
        return replace(
            self,
            kspace=self.kspace[part],
            truth=None if self.truth is None else self.truth[part],
            lesions=None if self.lesions is None else self.lesions[part],
            full=None if self.full is None else self.full.slices(start, stop),
        )
