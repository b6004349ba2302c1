"""A derived MR series of a reconstruction: one image a slice, as DICOM part 10, uncompressed.

Magnitudes become whole numbers 0 to 32767 by one slope for the series, which every file states; the largest is at the
top. Stacks are turned by whole axes to stand as a scanner's images do; their place is the raw data's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.derivation import Derivation
from medrecon.io.derived_series import write_part
from medrecon.io.dicom import quietly
from medrecon.io.mr_header import decimal, image_header, pixel_module, series_header
from medrecon.io.upright import upright
from medrecon.placed_scan import moved

if TYPE_CHECKING:
    from pydicom import Dataset

    from medrecon.reconstruction import Reconstruction

TOP = 32767
"""Fits signed shorts as well, which some readers take."""
WINDOW = 99.5
"""Percentile of the values that is shown white."""


def write_mr_series(result: Reconstruction, folder: Path, *, keep_identity: bool) -> None:
    """Write `result` into `folder`, a file a slice; raises InputError for values that are not finite."""
    values = result.magnitude.detach().cpu().numpy().astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError("the image holds NaN or infinite values; a DICOM series cannot: write .h5 instead")
    affine = result.affine
    spacing = result.voxel_mm
    if affine is not None:
        values, affine = upright(values, affine)
        between = np.linalg.norm(affine[:3, 1:3], axis=0)
        spacing = float(between[0]), float(between[1])
    slope = float(decimal(max(float(values.max()), float(np.finfo(np.float32).tiny)) / TOP))
    with quietly():
        try:
            shared = series_header(result.header, _derivation(result), _conditions(result), keep_identity=keep_identity)
            pixel_module(shared, (values.shape[1], values.shape[2]), spacing, slope)
            _set_window(shared, float(np.percentile(values, WINDOW)))
            for i, picture in enumerate(values):
                place = None if affine is None else moved(affine, (i, 0, 0))
                header = image_header(shared, i + 1, place, result.slice_mm)
                write_part(header, stored(picture, slope), folder / f"{i + 1:04d}.dcm")
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"the header of the raw data cannot be carried over ({type(error).__name__}); write .nii.gz instead"
            ) from error


def _set_window(made: Dataset, width: float) -> None:
    """From zero; DICOM has no window narrower than 1: viewers find their own for small values."""
    if width >= 1:
        made.WindowCenter, made.WindowWidth = decimal(width / 2), decimal(width)


def stored(values: NDArray[np.float32], slope: float) -> NDArray[np.uint16]:
    """The nearest whole number of slopes."""
    return np.clip(np.rint(values.astype(np.float64) / slope), 0, TOP).astype(np.uint16)


def _derivation(result: Reconstruction) -> Derivation:
    made = result.provenance
    weights, versions = made.get("weights"), made.get("versions") or {}
    return Derivation(
        str(made.get("method", "unknown")), str(versions.get("medrecon", "unknown")), weights and weights["sha256"]
    )


def _conditions(result: Reconstruction) -> str:
    """What else decides the image, for its description."""
    made = result.provenance
    said = ""
    if made.get("net_acceleration") is not None:
        said += f", net acceleration {made['net_acceleration']:.2f}"
    if made.get("seed") is not None:
        said += f", seed {made['seed']}"
    return said + ("" if result.affine is not None else "; position and orientation unknown")
