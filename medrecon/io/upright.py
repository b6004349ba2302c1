"""Stacks turned and mirrored by whole axes, so that they stand on a screen as a scanner's own images do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHOWN = {
    0: ((0, 1, 0), (0, 0, -1)),  # sagittal: columns run backwards, rows towards the feet
    1: ((1, 0, 0), (0, 0, -1)),  # coronal: columns run towards the left, rows towards the feet
    2: ((1, 0, 0), (0, 1, 0)),  # axial: columns run towards the left, rows backwards
}
"""By the patient axis (left, back, head) nearest to the normal: where x and y run."""


def upright(
    values: NDArray[np.float32], affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """`(slice, y, x)` with x and y nearest to what is usual, slices along cross(x, y); no value and no place changes.

    `affine` is `(4, 4)`, index (slice, y, x, 1) to mm towards left, back and head, and comes back for the new order.
    """
    normal = np.cross(affine[:3, 2], affine[:3, 1])
    x, y = SHOWN[int(np.argmax(np.abs(normal)))]
    towards_x = np.abs(affine[:3, :3].T @ x) / np.linalg.norm(affine[:3, :3], axis=0)  # cosines: voxels may be oblong
    if towards_x[1] > towards_x[2]:
        values, affine = values.swapaxes(1, 2), affine[:, [0, 2, 1, 3]]
    for axis, towards in ((2, x), (1, y)):
        if affine[:3, axis] @ towards < 0:
            values, affine = _mirrored(values, affine, axis)
    if affine[:3, 0] @ np.cross(affine[:3, 2], affine[:3, 1]) < 0:
        values, affine = _mirrored(values, affine, 0)
    return np.ascontiguousarray(values), affine


def _mirrored(
    values: NDArray[np.float32], affine: NDArray[np.float64], axis: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    mirrored = affine.copy()
    mirrored[:3, 3] += (values.shape[axis] - 1) * affine[:3, axis]
    mirrored[:3, axis] *= -1
    return np.flip(values, axis), mirrored
