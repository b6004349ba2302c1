"""`TrainingVolume`: magnitude images of one series, at the resolution that was acquired."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor

_SUBJECT = re.compile(r"_(study|ses|run|acq)-?\w+", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TrainingVolume:
    """`values` `(slice, y, x)` float32 with its 99.9th percentile at 1; voxel size (slice, y, x) in mm."""

    values: Tensor
    voxel_mm: tuple[float, float, float]
    subject: str
    name: str

    @property
    def is_isotropic(self) -> bool:
        """Fine enough along the slice axis to be cut in any direction."""
        return max(self.voxel_mm) < 1.5 * min(self.voxel_mm)


def subject_of(stem: str) -> str:
    """Who a file shows: its name up to `_study`, `_ses`, `_run` or `_acq`, so that splits are by subject."""
    return _SUBJECT.split(stem)[0]
