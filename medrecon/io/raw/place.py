"""Where the slices of a scan lie, from the position and the directions of its readouts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medrecon.io.raw.readouts import Readouts

ANGLE = 1e-3
"""Direction cosines that differ by more than this are different directions."""
GAP = 0.01
"""Relative difference of slice distances that rounding in the files does not explain; beside it 0.01 mm."""
KNOWN = "patient coordinates, from the header"


class UnknownPlaceError(ValueError):
    """Why a file does not tell where its slices lie."""


def slice_centres(
    readouts: Readouts | None, numbers: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres `(slice, 3)` and the directions `(3, 3)` (readout, phase, slice) that all slices share."""
    if readouts is None or readouts.directions is None or readouts.position is None:
        raise UnknownPlaceError("the file has no positions")
    turned = readouts.directions
    if not np.isfinite(turned).all() or not np.isfinite(readouts.position).all():
        raise UnknownPlaceError("its positions are not finite")
    if np.abs(turned[0] @ turned[0].T - np.eye(3)).max() > ANGLE:
        raise UnknownPlaceError("its directions are not three unit vectors at right angles")
    if np.abs(turned - turned[0]).max() > ANGLE:
        raise UnknownPlaceError("its slices lie in different planes")
    centres = np.stack([readouts.position[readouts.slice == number][0] for number in numbers])
    return centres, turned[0]


def ascending(centres: NDArray[np.float64], normal: NDArray[np.float64]) -> list[int]:
    """Order of the slices along `normal`; several at one place raise UnknownPlaceError."""
    height = centres @ normal
    order = np.argsort(height, kind="stable")
    if len(order) > 1 and np.diff(height[order]).min() < GAP:
        raise UnknownPlaceError("several slices stand at one position")
    return order.tolist()


def step_between(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """From one slice to the next, in mm, of at least two in order."""
    steps = np.diff(centres, axis=0)
    mean = steps.mean(0)
    if np.abs(steps - mean).max() > GAP * np.linalg.norm(mean) + GAP:
        raise UnknownPlaceError("its slices are not evenly spaced")
    return mean


def affine_about(
    centre: NDArray[np.float64], columns: tuple[NDArray[np.float64], ...], index: tuple[int, int, int]
) -> NDArray[np.float64]:
    """`(4, 4)` of axes with mm steps `columns` (slice, y, x), whose voxel `index` has its centre at `centre`.

    The centred Fourier transform puts the point of zero phase, the centre of the field of view, at index n // 2.
    """
    affine = np.eye(4)
    affine[:3, :3] = np.stack(columns, 1)
    affine[:3, 3] = centre - affine[:3, :3] @ np.array(index, float)
    return affine
