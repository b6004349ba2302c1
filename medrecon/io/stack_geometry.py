"""Where the slices of a DICOM series lie: their order along the normal, and the affine of the stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

ANGLE = 1e-3
"""Direction cosines that differ by more than this are different planes."""
GAP = 0.01
"""Relative difference of slice distances, and shear per slice, that rounding in the files does not explain."""


def stack_geometry(slices: Sequence[Dataset], *, may_shear: bool = False) -> tuple[list[int], NDArray[np.float64]]:
    """Order of the slices along their normal, and the affine of the stack; InputError where it is no regular grid.

    With `may_shear` the slices may be shifted sideways, each as far as the last: a CT with its gantry tilted.
    """
    planes = np.array([p.ImageOrientationPatient for p in slices], float)
    if np.abs(planes - planes[0]).max() > ANGLE:
        raise InputError("its slices lie in different planes (a localiser?); give one stack a series")
    along_x, along_y = planes[0, :3], planes[0, 3:]
    normal = np.cross(along_x, along_y)
    positions = np.array([p.ImagePositionPatient for p in slices], float)
    order = np.argsort(positions @ normal, kind="stable").tolist()
    step = _step(positions[order], normal, slices[0], may_shear)
    affine = np.eye(4)
    between_rows, between_columns = (float(s) for s in slices[0].PixelSpacing)
    affine[:3] = np.stack([step, between_rows * along_y, between_columns * along_x, positions[order[0]]], 1)
    return order, affine


def _step(
    positions: NDArray[np.float64], normal: NDArray[np.float64], first: Dataset, may_shear: bool
) -> NDArray[np.float64]:
    """From one slice to the next, in mm."""
    if len(positions) == 1:
        return float(first.get("SpacingBetweenSlices") or first.SliceThickness) * normal
    height = (positions - positions[0]) @ normal
    gaps = np.diff(height)
    step = float(height[-1] / (len(height) - 1))
    if gaps.min() <= GAP * max(step, GAP):
        raise InputError("several slices stand at one position (echoes, phases, directions?); give one image a place")
    if np.abs(gaps - step).max() > GAP * step + 0.01:
        raise InputError(
            f"its slices are {gaps.min():.2f} to {gaps.max():.2f} mm apart; some are missing: add them, "
            "or give one stack of regular spacing"
        )
    across = np.diff(positions, axis=0) - gaps[:, None] * normal
    shear = across.mean(0) if may_shear else np.zeros(3)
    if np.linalg.norm(across - shear, axis=1).max() > GAP * step + 0.01:
        raise InputError("its slices are shifted sideways from one to the next (a sheared stack); resample it")
    return step * normal + shear
