"""`Volume`: what a CT series or a NIfTI file gives: values in HU, where they lie, and which were never measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medrecon.errors import InputError

AIR = -1024.0
"""HU of pixels that were never measured, and the bottom of the scale that CT files share."""
NARROW = 100.0
"""HU: air, fat and soft tissue alone span more than this."""
TOP = 32768.0
"""HU: no scanner's extended scale reaches it."""


class SliceFile(NamedTuple):
    """Where a slice came from: the file, the frame in it (0 for a file of one image), its number in the series."""

    file: Path
    frame: int = 0
    number: int = 0


@dataclass(frozen=True)
class DicomSource:
    """The files behind each slice, in the volume's order. Values of the patient stay in the files."""

    slices: tuple[SliceFile, ...] = field(repr=False)


@dataclass(frozen=True)
class NiftiSource:
    """How the file's axes became (slice, y, x).

    `axes[i]` is the file's axis that array axis i came from, `flipped[i]` whether it runs the other way there.
    """

    axes: tuple[int, int, int] = (2, 1, 0)
    flipped: tuple[bool, bool, bool] = (False, False, False)


@dataclass(frozen=True, eq=False)
class Volume:
    """A stack of slices in HU.

    Attributes
    ----------
    values : `(slice, y, x)` float32 HU; -1024 where `padding` is set.
    affine : `(4, 4)` float64 takes an index (slice, y, x, 1) to mm towards the patient's left, posterior and head.
        Its columns need not be orthogonal: a tilted gantry shears the stack.
    name : short name of the source, never an identity.
    padding : `(slice, y, x)` bool, pixels that the scanner never measured; None where there are none.
    fill : HU that the file holds in the padding; written back into files without a padding tag.
    source : where a writer finds what it must keep; None for arrays.
    """

    values: Tensor
    affine: NDArray[np.float64]
    name: str = "volume"
    padding: Tensor | None = None
    fill: float = AIR
    source: DicomSource | NiftiSource | None = None

    @property
    def n_slices(self) -> int:
        return self.values.shape[0]

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Voxel size (slice, y, x); the first is the distance of the planes, also in a sheared stack."""
        _, y, x = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        area = float(np.linalg.norm(np.cross(self.affine[:3, 1], self.affine[:3, 2])))
        return float(abs(np.linalg.det(self.affine[:3, :3])) / area), y, x

    @property
    def tilt_degrees(self) -> float:
        """Angle between the way from slice to slice and the normal of the slices: 0 unless the gantry was tilted."""
        along = float(np.linalg.norm(self.affine[:3, 0]))
        return float(np.degrees(np.arccos(min(self.voxel_mm[0] / along, 1.0))))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be wrong with the values as HU, one sentence each without a full stop."""
        measured = self._extremes()
        if not measured:
            return ("no pixel of the volume was measured",)
        low, high = min(low for low, _ in measured), max(high for _, high in measured)
        found = f"the values run from {low:g} to {high:g}"
        if high - low < NARROW:
            return (f"{found}, too narrow for Hounsfield units: were they scaled?",)
        if high >= TOP:
            return (f"{found}, beyond any Hounsfield scale: are they stored numbers?",)
        if low >= 0:
            return (f"{found}, nothing below 0 HU: are they stored numbers without their intercept?",)
        return ()

    def _extremes(self) -> list[tuple[float, float]]:
        """(lowest, highest) measured in each slice. One by one: masking all at once takes six times their memory."""
        found = []
        for i, image in enumerate(self.values):
            measured = image if self.padding is None else image[~self.padding[i]]
            if measured.numel():
                low, high = torch.aminmax(measured)
                found.append((float(low), float(high)))
        return found

    def slices(self, start: int | None, stop: int | None) -> Volume:
        """The slices `[start:stop]`, where they lie; raises InputError for a range that selects nothing."""
        part = slice(start, stop)
        chosen = range(*part.indices(self.n_slices))
        if len(chosen) == 0:
            raise InputError(
                f"slices {start}:{stop} select nothing of {self.n_slices} slices; give a range inside 0:{self.n_slices}"
            )
        affine = self.affine.copy()
        affine[:3, 3] += chosen.start * affine[:3, 0]
        source = self.source
        return replace(
            self,
            values=self.values[part],
            affine=affine,
            padding=None if self.padding is None else self.padding[part],
            source=DicomSource(source.slices[part]) if isinstance(source, DicomSource) else source,
        )
