"""MR images in DICOM, of a scanner or as `medrecon mri -o FOLDER` derives them: a folder with one classic series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.grid import Grid
from medrecon.io.ct_series import dicom_files
from medrecon.io.dicom import UNREADABLE, SeriesFiles, check_parts, find_series, quietly, read_series, rescaled
from medrecon.io.stack_geometry import stack_geometry

if TYPE_CHECKING:
    from pydicom import Dataset

MODALITY = "MR"


def is_mr_series(path: Path) -> bool:
    """Whether the DICOM files in the folder `path` are MR images; those of several series may be."""
    if not path.is_dir():
        return False
    found, _ = find_series(dicom_files(path))
    return bool(found) and all(series.modality == MODALITY for series in found)


def load_mr_series(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """Magnitudes `(slice, y, x)` and where they lie; slices without a place stand in the order of their numbers.

    Raises InputError for a folder that holds no series or several, another modality, and what is no regular stack.
    """
    series = _only(path)
    try:
        if _is_placed(series):
            found = read_series(series)
            return found.values, Grid(found.values.shape, found.affine)
        values = _unplaced(series)
        return values, Grid(values.shape)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__


def mr_series_grid(path: Path) -> Grid:
    """Where the slices of a series lie, by its headers alone; raises InputError as `load_mr_series`."""
    series = _only(path)
    try:
        with quietly():
            headers = [_header(file) for file in series.files]
            affine = stack_geometry(headers)[1] if _is_placed(series) else None
            return Grid((len(headers), int(headers[0].Rows), int(headers[0].Columns)), affine)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__
    except UNREADABLE as error:
        raise InputError(f"{path}: its geometry cannot be read ({type(error).__name__}); export it again") from error


def _only(path: Path) -> SeriesFiles:
    found, _ = find_series(dicom_files(path))
    if not found:
        raise InputError(f"{path}: the folder holds no DICOM image; expected an MR series: give the folder of one")
    if len(found) > 1:
        raise InputError(f"{path}: holds {len(found)} series; expected one MR series: give each a folder of its own")
    if found[0].modality != MODALITY:
        raise InputError(f"{path}: a series of modality {found[0].modality or 'unknown'}; expected {MODALITY}")
    return found[0]


def _is_placed(series: SeriesFiles) -> bool:
    """A secondary capture says nothing of its place."""
    with quietly():
        return "ImageOrientationPatient" in _header(series.files[0])


def _header(file: Path) -> Dataset:
    import pydicom

    return pydicom.dcmread(file, stop_before_pixels=True)


def _unplaced(series: SeriesFiles) -> NDArray[np.float32]:
    import pydicom

    try:
        with quietly():
            parts = [pydicom.dcmread(file) for file in series.files]
            check_parts(parts)
            return np.stack([rescaled(part) for part in sorted(parts, key=lambda p: int(p.InstanceNumber))])
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"its pixels cannot be read ({type(error).__name__}), cut off?; copy it again") from error
