"""A reference of CT scores must show the same slices: the same voxels at the same place in the patient."""

from __future__ import annotations

from itertools import product

import numpy as np

from medrecon.errors import InputError
from medrecon.volume import Volume

APART = 0.5
"""Voxels by which a reference may lie beside its volume: what formats round away is far less."""


def checked_reference(volume: Volume, reference: Volume) -> Volume:
    """`reference`; raises InputError where it has another shape or, as far as both files say, another place."""
    if reference.values.shape != volume.values.shape:
        shapes = [" x ".join(map(str, v.values.shape)) for v in (reference, volume)]
        raise InputError(f"the reference has {shapes[0]} voxels, the volume {shapes[1]}; give the same slices")
    apart = _apart(volume, reference)
    if apart > APART:
        raise InputError(
            f"the reference {reference.name} lies elsewhere than {volume.name}, {apart:.3g} voxels away at the "
            "farthest corner; give the same slices at full dose"
        )
    return reference


def _apart(volume: Volume, reference: Volume) -> float:
    """Largest distance along an axis, in voxels, of a corner from its twin; 0 for .npy, whose place is unknown."""
    if volume.source is None or reference.source is None:
        return 0.0
    corners = np.array([[*corner, 1] for corner in product(*((0, n - 1) for n in volume.values.shape))], float).T
    return float(np.abs(np.linalg.solve(volume.affine, reference.affine @ corners) - corners).max())
