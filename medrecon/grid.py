"""`Grid`: where the voxels of an image stand, and how far two of them lie from each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

APART = 0.5
"""Voxels by which two images of the same slices may lie apart: what formats round away is far less."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxels of an image.

    Attributes
    ----------
    shape : (slice, y, x).
    affine : `(4, 4)` takes an index (slice, y, x, 1) to mm towards the patient's left, posterior and head; None where
        the place is unknown.
    """

    shape: tuple[int, ...]
    affine: NDArray[np.float64] | None = None

    def voxels_to(self, other: Grid) -> float:
        """Largest distance along an axis, in voxels of this one, of a corner from its twin in `other`, of one shape.

        0 where one of the two places is unknown.
        """
        if self.affine is None or other.affine is None:
            return 0.0
        corners = np.array([[*corner, 1] for corner in product(*((0, n - 1) for n in self.shape))], float).T
        return float(np.abs(np.linalg.solve(self.affine, other.affine @ corners) - corners).max())
