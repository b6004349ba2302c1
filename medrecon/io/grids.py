"""Where the voxels of a finished image lie, as far as its file tells it; no pixel is read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from medrecon.errors import InputError
from medrecon.grid import Grid
from medrecon.io.images import DATASETS, NIFTI
from medrecon.io.plain import is_npy

BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError)


def image_grid(path: Path, names: tuple[str, ...] = DATASETS) -> Grid | None:
    """Grid of the MR image that `load_images` would read; None where the file does not even tell its shape."""
    try:
        if path.is_dir():
            from medrecon.io.mr_images import mr_series_grid

            return mr_series_grid(path)
        if h5py.is_hdf5(path):
            return _hdf5_grid(path, names)
        if path.name.lower().endswith(NIFTI):
            from medrecon.io.nifti import stored_grid

            return stored_grid(path)
        return _array_grid(path)
    except (InputError, *BROKEN):
        return None


def volume_grid(path: Path) -> Grid | None:
    """Grid of the CT volume that `load_volume` would read; None where the file does not even tell its shape."""
    from medrecon.io import ct_series, nifti
    from medrecon.io.volumes import holds_volume

    try:
        if path.is_file() and path.name.lower().endswith(nifti.ENDINGS):
            return nifti.nifti_grid(path)
        if path.is_file() and is_npy(path):
            return _array_grid(path)
        return ct_series.series_grid(path) if holds_volume(path) else None
    except (InputError, *BROKEN):
        return None


def _hdf5_grid(path: Path, names: tuple[str, ...]) -> Grid | None:
    """Results of medrecon say their place, files of fastMRI none."""
    with h5py.File(path, "r") as file:
        found = next((file[name] for name in names if isinstance(file.get(name), h5py.Dataset)), None)
        if not isinstance(found, h5py.Dataset):
            return None
        affine = np.asarray(file.attrs["affine"], float) if "affine" in file.attrs else None
        known = affine is not None and affine.shape == (4, 4) and bool(np.isfinite(affine).all())
        return Grid(_stacked(found.shape), affine if known else None)


def _array_grid(path: Path) -> Grid:
    return Grid(_stacked(np.load(path, mmap_mode="r", allow_pickle=False).shape))


def _stacked(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) == 3 else (1, *shape)
