"""`load_volume`: a CT series, a NIfTI file or an array becomes a `Volume`; what the file is, its content decides."""

from os import PathLike
from pathlib import Path

import numpy as np

from medrecon.errors import InputError
from medrecon.io import ct_series, nifti
from medrecon.io.dicom import is_dicom
from medrecon.io.plain import is_npy
from medrecon.volume import Volume

KNOWN = "a folder or file of a CT series, .nii, .nii.gz or .npy in HU"


def load_volume(path: str | PathLike[str], *, modality: str = "CT") -> Volume:
    """Read one volume in HU: a DICOM series (its folder, or one file of it), NIfTI, or .npy `(slice, y, x)`.

    DICOM must be of `modality`. Of a .npy file the place and the voxel are unknown: 1 mm, at the origin.
    Raises InputError, in one line, for anything that is not one regular stack of finite values in HU.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected {KNOWN}")
    try:
        return _read(path, modality)
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); expected {KNOWN}: check or copy it again") from error


def holds_volume(path: str | PathLike[str]) -> bool:
    """Whether `path` is what only a volume can be: a folder, NIfTI or DICOM. A .npy file may hold k-space as well."""
    path = Path(path)
    if not path.is_file():
        return path.is_dir()
    return path.name.lower().endswith((*nifti.ENDINGS, *ct_series.ENDINGS)) or is_dicom(path)


def _read(path: Path, modality: str) -> Volume:
    if path.is_file() and path.name.lower().endswith(nifti.ENDINGS):
        return nifti.load_nifti(path)
    if path.is_file() and is_npy(path):
        return _read_npy(path)
    if holds_volume(path):
        return ct_series.load_series(path, modality)
    raise InputError(f"{path}: neither DICOM nor NIfTI nor .npy; expected {KNOWN}")


def _read_npy(path: Path) -> Volume:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: broken .npy file ({str(error).splitlines()[0]}); write it again") from error
    if array.dtype.kind not in "iuf" or array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"{path}: shape {array.shape}, {array.dtype}; expected real HU (slice, y, x) or (y, x)")
    nifti.check_finite(array, path)
    values = np.array(array if array.ndim == 3 else array[None], np.float32, order="C")
    return nifti.hounsfield_volume(values, np.eye(4), path.stem, None)
