"""Finished images from files, for scoring: .h5 (ours and fastMRI's), .nii, .nii.gz, .npy, folders of MR series."""

from os import PathLike
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.io.nifti_damage import reading_nifti
from medrecon.io.plain import is_npy

DATASETS = ("reconstruction", "reconstruction_rss", "reconstruction_esc", "reference", "truth")
NIFTI = (".nii", ".nii.gz")


def load_images(path: str | PathLike[str], names: tuple[str, ...] = DATASETS) -> Tensor:
    """`(slice, y, x)` float32 magnitudes; of an HDF5 file the first dataset of `names` that it has.

    An image `(y, x)` becomes one slice, complex images their magnitude; a folder is read as an MR series in DICOM.
    Raises InputError for anything else.
    """
    return torch.from_numpy(np.ascontiguousarray(stored_images(path, names), dtype=np.float32))


def stored_images(path: str | PathLike[str], names: tuple[str, ...] = DATASETS) -> np.ndarray:
    """As `load_images`, in the precision of the file."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected an image in .h5, .nii, .nii.gz, .npy or an MR series")
    try:
        values = _read(path, names)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as an image ({reason}); check or write it again") from error
    if values.dtype.kind not in "biufc" or values.ndim not in (2, 3) or 0 in values.shape:
        raise InputError(f"{path}: shape {values.shape}, {values.dtype}; expected an image (slice, y, x) or (y, x)")
    magnitude = np.abs(values) if values.dtype.kind == "c" else values
    with np.errstate(over="ignore"):  # what overflows single precision is as good as infinite
        if not bool(np.isfinite(magnitude.astype(np.float32, copy=False)).all()):
            raise InputError(f"{path}: the image holds NaN or infinite values; expected finite ones: mend it")
    return magnitude if magnitude.ndim == 3 else magnitude[None]


def _read(path: Path, names: tuple[str, ...]) -> np.ndarray:
    if path.is_dir():
        from medrecon.io.mr_images import load_mr_series

        return load_mr_series(path)[0]
    if h5py.is_hdf5(path):
        return _read_hdf5(path, names)
    if is_npy(path):
        return np.load(path, allow_pickle=False)
    if path.name.lower().endswith(NIFTI):
        return _read_nifti(path)
    raise InputError(f"{path}: neither HDF5 nor NIfTI nor .npy; expected an image in one of these")


def _read_hdf5(path: Path, names: tuple[str, ...]) -> np.ndarray:
    with h5py.File(path, "r") as file:
        found = next((file[name] for name in names if isinstance(file.get(name), h5py.Dataset)), None)
        if not isinstance(found, h5py.Dataset):
            raise InputError(f"{path}: has none of the datasets {', '.join(names)}; store the image under one of them")
        return found[()]


def _read_nifti(path: Path) -> np.ndarray:
    """(x, y, slice) as stored, back to (slice, y, x)."""
    import nibabel as nib

    with reading_nifti(path):
        return np.asarray(nib.load(path).dataobj).T  # type: ignore[attr-defined]
