"""Whether a prediction and its target show the same slices of the patient, as far as both files say where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medrecon.errors import InputError
from medrecon.evaluation.ct_protocols import CT_PROTOCOLS
from medrecon.evaluation.folders.pairs import Pair
from medrecon.evaluation.folders.targets import target_datasets
from medrecon.evaluation.score_files import PREDICTION
from medrecon.grid import APART, Grid
from medrecon.io.grids import image_grid, volume_grid
from medrecon.placed_scan import moved

SINGULAR = 1e-9


def check_places(pairs: Sequence[Pair], protocol: str, dataset: str | None = None) -> tuple[str, ...]:
    """Sentences, without a full stop, about pairs of which one file alone says where it lies.

    Raises InputError for the first pair whose files both say it and do not agree to half a voxel. Files that cannot be
    read, and pairs of different shapes, are left to the scoring, which names them.
    """
    untold = [pair for pair in pairs if _is_untold(pair, protocol, dataset)]
    if not untold:
        return ()
    first = untold[0].name if len(pairs) == 1 else f"{len(untold)} of {len(pairs)} pairs, {untold[0].name} first"
    return (
        f"only one of the two files says where it lies, so whether they show the same slices is not known: {first}",
    )


def _is_untold(pair: Pair, protocol: str, dataset: str | None) -> bool:
    image, reference = _grids(pair, protocol, dataset)
    if image is None or reference is None:
        return False
    if image.affine is None or reference.affine is None:
        return (image.affine is None) != (reference.affine is None)
    if image.shape != reference.shape or abs(np.linalg.det(image.affine[:3, :3])) < SINGULAR:
        return False
    apart = image.voxels_to(reference)
    if apart > APART:
        raise InputError(
            f"the image {pair.name} lies elsewhere than its reference {pair.target.name}, {apart:.3g} voxels away at "
            "the farthest corner; give the same slices"
        )
    return False


def _grids(pair: Pair, protocol: str, dataset: str | None) -> tuple[Grid | None, Grid | None]:
    """Of what is compared: under "fastmri" of the crops."""
    if protocol in CT_PROTOCOLS:
        return volume_grid(pair.prediction), volume_grid(pair.target)
    image, reference = image_grid(pair.prediction, PREDICTION), _target_grid(pair.target, protocol, dataset)
    if protocol == "fastmri" and image is not None and reference is not None:
        width = reference.shape[-1]
        reference = _cropped(reference, (width, width))
        image = _cropped(image, (reference.shape[-2], width))
    return image, reference


def _target_grid(path: Path, protocol: str, dataset: str | None) -> Grid | None:
    return image_grid(path, target_datasets(path, protocol, dataset))


def _cropped(grid: Grid, size: tuple[int, int]) -> Grid:
    """As `fastmri_crop` takes it."""
    y, x = (max(n - m, 0) // 2 for n, m in zip(grid.shape[-2:], size, strict=True))
    sides = (min(n, m) for n, m in zip(grid.shape[-2:], size, strict=True))
    return Grid((grid.shape[0], *sides), None if grid.affine is None else moved(grid.affine, (0, y, x)))
