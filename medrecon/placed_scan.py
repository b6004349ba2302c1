"""`PlacedScan`: a scan whose file says where in the patient it lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from medrecon.crop import centred
from medrecon.scan import Scan


@final
@dataclass(frozen=True, eq=False)
class PlacedScan(Scan):
    """A scan with its place; all else is as in `Scan`.

    Attributes
    ----------
    affine : `(4, 4)` takes an index (slice, y, x, 1) of the k-space grid's image to mm towards the patient's left,
        posterior and head (DICOM's axes); None where the file does not say it.
    """

    affine: NDArray[np.float64] | None = None

    def slices(self, start: int | None, stop: int | None) -> PlacedScan:
        """The slices `[start:stop]`, where they lie."""
        part = super().slices(start, stop)
        assert isinstance(part, PlacedScan)  # made by dataclasses.replace
        if self.affine is None:
            return part
        first = range(self.n_slices)[slice(start, stop)][0]
        return replace(part, affine=moved(self.affine, (first, 0, 0)))


def output_affine(scan: Scan) -> NDArray[np.float64] | None:
    """The affine of finished images of `scan`, which are cropped about index n // 2; None where it is unknown."""
    if not isinstance(scan, PlacedScan) or scan.affine is None:
        return None
    crop = scan.crop or scan.matrix
    y, x = (centred(n, size).start for n, size in zip(scan.matrix, crop, strict=True))
    return moved(scan.affine, (0, y, x))


def moved(affine: NDArray[np.float64], start: tuple[int, int, int]) -> NDArray[np.float64]:
    """The affine of the part of a volume that begins at index `start` (slice, y, x)."""
    found = affine.copy()
    found[:3, 3] += affine[:3, :3] @ np.array(start, float)
    return found
