"""`TrainingVolume`: magnitude images of one series, at the resolution that was acquired."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Split = Literal["train", "held-out"]

_BIDS = re.compile(r"sub-[A-Za-z0-9]+")
_SUBJECT = re.compile(r"_(study|ses|run|acq)-?\w+", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TrainingVolume:
    """`values` `(slice, y, x)` float32 with its 99.9th percentile at 1; voxel size (slice, y, x) in mm.

    `split` says which part of its pack the volume belongs to; held-out volumes are never trained on.
    """

    values: Tensor
    voxel_mm: tuple[float, float, float]
    subject: str
    name: str
    split: Split = "train"

    @property
    def is_isotropic(self) -> bool:
        """Fine enough along the slice axis to be cut in any direction."""
        return is_isotropic(self.voxel_mm)


def is_isotropic(voxel_mm: tuple[float, float, float]) -> bool:
    """Whether no side of a voxel is half as long again as another."""
    return max(voxel_mm) < 1.5 * min(voxel_mm)


def names_subject(stem: str) -> bool:
    """Whether a file name says where the name of its subject ends (`sub-…`, `…_study…`, `…_ses…`, …)."""
    return subject_of(stem) != stem or _BIDS.fullmatch(stem) is not None


def subject_of(stem: str) -> str:
    """Who a file shows, so that splits are by subject: `sub-…` of BIDS, else up to `_study`, `_ses`, `_run`, `_acq`."""
    bids = _BIDS.match(stem)
    return bids[0] if bids else _SUBJECT.split(stem)[0]
