"""`Readouts`: the lines of one volume as a scanner measured them, and the grid that they were meant for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medrecon.io.ismrmrd_header import Limits, Space


@dataclass(frozen=True, eq=False)
class Readouts:
    """Imaging readouts, one entry a readout.

    Attributes
    ----------
    samples : each `(coil, sample)` complex64, without what is to be discarded.
    centre : index in `samples` of the sample at the centre of k-space.
    line, partition : phase-encoding steps as the file counts them; `slice` tells slices apart.
    position : `(n, 3)` mm, the centre of the slice in DICOM's patient axes (left, posterior, head).
    directions : `(n, 3, 3)` unit vectors of readout, phase and slice in these axes; None where they are unknown.
    """

    samples: Sequence[NDArray[np.complex64]]
    centre: NDArray[np.int64]
    line: NDArray[np.int64]
    partition: NDArray[np.int64]
    slice: NDArray[np.int64]
    position: NDArray[np.float64] | None = None
    directions: NDArray[np.float64] | None = None

    @property
    def coils(self) -> int:
        return self.samples[0].shape[0]


@dataclass(frozen=True)
class Encoding:
    """The grid of k-space and the image that is shown of it, in the order readout, phase, partition.

    `phase` and `partition` are the steps that the protocol covers, None where the header does not tell.
    """

    encoded: Space
    shown: Space
    phase: Limits | None = None
    partition: Limits | None = None

    @property
    def voxel_mm(self) -> tuple[float | None, float | None, float | None]:
        """Voxel (readout, phase, partition) of the encoded grid."""
        x, y, z = (
            None if mm is None else mm / n for mm, n in zip(self.encoded.fov_mm, self.encoded.matrix, strict=True)
        )
        return x, y, z

    def shown_voxels(self, axis: int) -> int:
        """Voxels of the encoded grid that the shown field of view spans: never more than the grid has.

        Scanners interpolate what they show; the header's own matrix counts only where it has no lengths.
        """
        n, voxel, shown = self.encoded.matrix[axis], self.voxel_mm[axis], self.shown.fov_mm[axis]
        wanted = self.shown.matrix[axis] if voxel is None or shown is None else round(shown / voxel)
        return max(1, min(n, wanted))
