"""Masks from files: .npy, or `mask` in .mat / .h5."""

from __future__ import annotations

import zlib
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.masks.lines import spread_lines
from medrecon.scan import Scan


def mask_from_file(path: str | Path, scan: Scan) -> Tensor:
    """`(y, x)` bool mask for `scan`: an array of k-space's shape, or one value a line along a single phase axis.

    Raises InputError for a missing or unreadable file, no `mask` in it, another shape, values other than 0 and 1,
    or a mask that samples nothing of the lattice.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"mask file {path} does not exist; give a .npy, .mat or .h5 file")
    array = np.squeeze(_read(path))
    if array.dtype.kind not in "biufc" or not np.isin(array, (0, 1)).all():
        raise InputError(f"the mask in {path.name} holds values other than 0 and 1; give a binary mask")
    mask = _on_grid(array.astype(bool), scan, path.name)
    if not (mask & scan.lattice).any():
        raise InputError(f"the mask in {path.name} samples no acquired point; give a mask with samples")
    return mask


def _on_grid(array: np.ndarray, scan: Scan, name: str) -> Tensor:
    ny, nx = scan.matrix
    if array.shape == (ny, nx):
        return torch.from_numpy(array).to(scan.lattice.device)
    expected = f"({ny}, {nx}) (y, x)"
    if len(scan.phase_axes) == 1:
        n_lines = ny if scan.phase_axes == ("y",) else nx
        if array.shape == (n_lines,):
            return spread_lines(array, scan)
        expected += f" or ({n_lines},), one value a line along {scan.phase_axes[0]}"
    raise InputError(f"the mask in {name} has shape {array.shape}; expected {expected}")


def _read(path: Path) -> np.ndarray:
    readers = {".npy": _read_npy, ".mat": _read_mat, ".h5": _read_h5, ".hdf5": _read_h5}
    if path.suffix.lower() not in readers:
        raise InputError(f"mask file {path.name} is of no known kind; give .npy, .mat or .h5")
    try:
        return readers[path.suffix.lower()](path)
    except KeyError:
        raise InputError(f"{path.name} holds no array 'mask'; store the mask under that name") from None
    except (OSError, ValueError, EOFError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"mask file {path.name} cannot be read ({reason}); give a .npy, .mat or .h5 file") from None


def _read_npy(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, allow_pickle=False))


def _read_mat(path: Path) -> np.ndarray:
    if h5py.is_hdf5(path):
        return _read_h5(path)
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        mask = loadmat(path, variable_names=["mask"])["mask"]
    except (MatReadError, zlib.error) as error:
        raise ValueError(str(error)) from error
    return mask.toarray() if hasattr(mask, "toarray") else mask


def _read_h5(path: Path) -> np.ndarray:
    with h5py.File(path, "r") as file:
        mask = file["mask"]
        if not isinstance(mask, h5py.Dataset):
            raise KeyError("mask")
        array = np.asarray(mask[()])
        # MATLAB 7.3 stores columns first
        return array.T if "MATLAB_class" in mask.attrs else array
