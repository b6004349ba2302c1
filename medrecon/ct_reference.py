"""A reference of CT scores must show the same slices: the same voxels at the same place in the patient."""

from __future__ import annotations

from medrecon.errors import InputError
from medrecon.grid import APART, Grid
from medrecon.volume import Volume


def checked_reference(volume: Volume, reference: Volume) -> Volume:
    """`reference`; raises InputError where it has another shape or, as far as both files say, another place."""
    if reference.values.shape != volume.values.shape:
        shapes = [" x ".join(map(str, v.values.shape)) for v in (reference, volume)]
        raise InputError(f"the reference has {shapes[0]} voxels, the volume {shapes[1]}; give the same slices")
    apart = _grid(volume).voxels_to(_grid(reference))
    if apart > APART:
        raise InputError(
            f"the reference {reference.name} lies elsewhere than {volume.name}, {apart:.3g} voxels away at the "
            "farthest corner; give the same slices at full dose"
        )
    return reference


def _grid(volume: Volume) -> Grid:
    """The place of .npy is unknown."""
    return Grid(tuple(volume.values.shape), None if volume.source is None else volume.affine)
