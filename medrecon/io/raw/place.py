"""Where a stack of slices or a 3-D volume lies, from the position and the directions of its readouts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medrecon.io.raw.grid import Grid
from medrecon.io.raw.readouts import Encoding, Readouts

Affine = NDArray[np.float64]

ANGLE = 1e-3
"""Direction cosines that differ by more than this are different directions."""
GAP = 0.01
"""Relative difference of slice distances that rounding in the files does not explain; beside it 0.01 mm."""
KNOWN = "patient coordinates, from the header"


class UnknownPlaceError(ValueError):
    """Why a file does not tell where its slices lie."""


def stack(
    readouts: Readouts | None, encoding: Encoding, grid: Grid
) -> tuple[list[int], Affine | None, float | None, str]:
    """Order of 2-D slices, the affine of their encoded grid, their distance, and what is known of the place."""
    thickness = encoding.shown.fov_mm[2] or encoding.encoded.fov_mm[2]
    order = list(range(len(grid.slices)))
    try:
        centres, (read, phase, normal) = _slice_centres(readouts, grid.slices)
        order = _ascending(centres, np.cross(phase, read))
        along = _step_between(centres[order]) if len(order) > 1 else None
        if along is None:
            along = np.cross(phase, read) * (thickness or 1.0)
        vx, vy, _ = encoding.voxel_mm
        if vx is None or vy is None:
            raise UnknownPlaceError("the header has no field of view")
        index = (0, encoding.encoded.matrix[0] // 2, encoding.encoded.matrix[1] // 2)
        affine = _affine_about(centres[order[0]], (along, vx * read, vy * phase), index)
        step = float(abs(along @ normal)) if len(order) > 1 else thickness
        return order, affine, step, KNOWN
    except UnknownPlaceError as why:
        return order, None, thickness, f"unknown: {why}"


def block(
    readouts: Readouts | None, encoding: Encoding, grid: Grid, axes: tuple[str, str, str], shape: tuple[int, int, int]
) -> tuple[Affine | None, str]:
    """The affine of a 3-D volume with these axes (slice, y, x), or None and why."""
    try:
        (centre, *_), (read, phase, normal) = _slice_centres(readouts, grid.slices)
    except UnknownPlaceError as why:
        return None, f"unknown: {why}"
    vx, vy, vz = encoding.voxel_mm
    if vx is None or vy is None or vz is None:
        return None, "unknown: the header has no field of view"
    steps = {"readout": vx * read, "phase": vy * phase, "partition": vz * normal}
    z, y, x = (n // 2 for n in shape)
    return _affine_about(centre, tuple(steps[axis] for axis in axes), (z, y, x)), KNOWN


def _slice_centres(
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
    if np.abs(readouts.position - centres[np.searchsorted(numbers, readouts.slice)]).max() > GAP:
        raise UnknownPlaceError("readouts of one slice lie at different positions")
    return centres, turned[0]


def _ascending(centres: NDArray[np.float64], normal: NDArray[np.float64]) -> list[int]:
    """Order of the slices along `normal`; several at one place raise UnknownPlaceError."""
    height = centres @ normal
    order = np.argsort(height, kind="stable")
    if len(order) > 1 and np.diff(height[order]).min() < GAP:
        raise UnknownPlaceError("several slices stand at one position")
    return order.tolist()


def _step_between(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """From one slice to the next, in mm, of at least two in order."""
    steps = np.diff(centres, axis=0)
    mean = steps.mean(0)
    if np.abs(steps - mean).max() > GAP * np.linalg.norm(mean) + GAP:
        raise UnknownPlaceError("its slices are not evenly spaced")
    return mean


def _affine_about(
    centre: NDArray[np.float64], columns: tuple[NDArray[np.float64], ...], index: tuple[int, int, int]
) -> NDArray[np.float64]:
    """`(4, 4)` of axes with mm steps `columns` (slice, y, x), whose voxel `index` has its centre at `centre`.

    The centred Fourier transform puts the point of zero phase, the centre of the field of view, at index n // 2.
    """
    affine = np.eye(4)
    affine[:3, :3] = np.stack(columns, 1)
    affine[:3, 3] = centre - affine[:3, :3] @ np.array(index, float)
    return affine
