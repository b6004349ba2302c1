"""Arrays out of HDF5 and .npy files, checked: every complaint is one line that names the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from medrecon.errors import InputError

IDENTITY = ("patient_id", "patient_name", "patient_birthdate", "patient_sex", "study_id", "accession_number")


def find(file: h5py.File, *names: str) -> h5py.Dataset | None:
    """The first dataset of these names that the file has."""
    return next((file[n] for n in names if isinstance(file.get(n), h5py.Dataset)), None)  # type: ignore[return-value]


def require_kspace(file: h5py.File, path: Path) -> h5py.Dataset:
    """The dataset `kspace`; raises InputError if there is none."""
    dataset = find(file, "kspace")
    if dataset is None:
        present = ", ".join(sorted(file.keys())) or "nothing"
        raise InputError(f"{path}: has no dataset 'kspace' (it holds {present}); store the k-space under that name")
    return dataset


def check_kspace_layout(dtype: np.dtype, shape: tuple[int, ...] | None, path: Path) -> None:
    """Complex, and neither 0-D, 1-D nor empty; how many axes are right is the format's affair."""
    if not np.issubdtype(dtype, np.complexfloating):
        raise InputError(f"{path}: k-space has dtype {dtype}, expected complex64 or complex128; store it as complex")
    if shape is None or 0 in shape:
        raise InputError(f"{path}: k-space has shape {shape}, which is empty; expected (slice, coil, y, x)")


def as_kspace(array: np.ndarray, path: Path) -> Tensor:
    """complex64 tensor; raises InputError for NaN, Inf and for nothing but zeros."""
    with np.errstate(over="ignore"):  # what overflows becomes Inf, which is refused below
        kspace = torch.from_numpy(np.ascontiguousarray(array.astype(np.complex64, copy=False)))
    bad = sum(int((~torch.isfinite(part)).sum()) for part in kspace)
    if bad:
        raise InputError(f"{path}: k-space holds {bad} NaN or infinite value(s); expected finite ones only: mend it")
    if not any(bool((part != 0).any()) for part in kspace):
        raise InputError(f"{path}: k-space is zero everywhere; expected measured samples: check how it was written")
    return kspace


def read_mask(dataset: h5py.Dataset | None, matrix: tuple[int, int], axis: str | None, path: Path) -> Tensor | None:
    """`(y, x)` bool from an array of that shape, or from one value a line along `axis`.

    Where `axis` is None, a line mask runs along the only array axis of its length.
    """
    if dataset is None:
        return None
    values = np.squeeze(np.asarray(dataset[()])) != 0
    if values.shape == matrix:
        return torch.from_numpy(values)
    fits = {"y": values.shape == matrix[:1], "x": values.shape == matrix[1:]}
    if axis is None and sum(fits.values()) == 1:
        axis = next(a for a in fits if fits[a])
    if axis is None or not fits[axis]:
        raise InputError(
            f"{path}: '{_name(dataset)}' has shape {dataset.shape}, expected {matrix} (y, x) or one value a line "
            "along the phase axis; store it so"
        )
    lines = torch.from_numpy(values)
    return (lines[:, None] if axis == "y" else lines[None]).expand(matrix).clone()


def read_noise(dataset: h5py.Dataset | None, coils: int, path: Path) -> Tensor | None:
    """`(coil, n)` complex64 samples of a noise prescan."""
    if dataset is None:
        return None
    if len(dataset.shape) != 2 or dataset.shape[0] != coils or dataset.shape[1] < 2 or dataset.dtype.kind != "c":
        raise InputError(
            f"{path}: '{_name(dataset)}' has shape {dataset.shape} and dtype {dataset.dtype}, "
            f"expected complex ({coils}, n), one row a coil; store it so or leave it out"
        )
    return _finite(torch.from_numpy(dataset[()].astype(np.complex64)), dataset, path)


def read_volume(dataset: h5py.Dataset | None, shape: tuple[int, int, int], path: Path) -> Tensor | None:
    """Real `(slice, y, x)` image on the output grid `shape`; booleans stay booleans."""
    if dataset is None:
        return None
    if dataset.shape != shape or dataset.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: '{_name(dataset)}' has shape {dataset.shape} and dtype {dataset.dtype}, "
            f"expected real {shape} (slice, y, x); store it so or leave it out"
        )
    values = dataset[()]
    if dataset.dtype.kind == "b":
        return torch.from_numpy(values)
    return _finite(torch.from_numpy(values.astype(np.float32)), dataset, path)


def read_lesions(dataset: h5py.Dataset | None, shape: tuple[int, int, int], path: Path) -> Tensor | None:
    """`(slice, y, x)` bool."""
    lesions = read_volume(dataset, shape, path)
    return None if lesions is None else lesions != 0


def identity(attributes: Mapping[str, Any], keep: bool) -> dict[str, str]:
    """Identity attributes as text if they are to be kept, else nothing."""
    return {k: text(attributes[k]) for k in IDENTITY if k in attributes} if keep else {}


def text(value: Any) -> str:
    """An attribute as text: bytes decoded, arrays joined by spaces."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return " ".join(text(v) for v in value.ravel().tolist())
    return str(value)


def plain_value(value: Any) -> str | float | int | bool:
    """An attribute as a value that JSON can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float) else text(value)


def _finite(values: Tensor, dataset: h5py.Dataset, path: Path) -> Tensor:
    if not bool(torch.isfinite(values).all()):
        raise InputError(f"{path}: '{_name(dataset)}' holds NaN or infinite values; expected finite ones: mend it")
    return values


def _name(dataset: h5py.Dataset) -> str:
    return str(dataset.name).lstrip("/")
