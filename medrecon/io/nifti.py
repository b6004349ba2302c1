"""CT volumes in NIfTI. Slices are taken along the axis nearest to the patient's length, rows and columns towards back
and left, as a scanner writes them; a volume is written back with the axes of the file that it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medrecon.errors import InputError
from medrecon.grid import Grid
from medrecon.io.ct_fill import fill_value
from medrecon.io.nifti_damage import reading_nifti
from medrecon.volume import AIR, NiftiSource, Volume

ENDINGS = (".nii", ".nii.gz")
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Between mm towards left, posterior, head (DICOM) and right, anterior, head (NIfTI)."""
SHEAR = 1e-4
"""Cosine of two axes above which a quaternion does not describe them."""
SHORT = np.iinfo(np.int16)
UNPLACED = b"orientation unknown"
"""In the description of files whose affine holds sizes alone and directions for viewers."""


def load_nifti(path: Path) -> Volume:
    """The volume of a NIfTI file in HU; raises InputError for what is no finite 3-D volume."""
    values, ras = _read(path)
    source = _orientation(ras)
    array = np.flip(values.transpose(source.axes), _flipped(source))
    array = np.array(array, np.float32, order="C")
    affine = RAS @ ras @ _to_file(source, array.shape)
    return hounsfield_volume(array, affine, _name(path), source)


def nifti_grid(path: Path) -> Grid:
    """Where the voxels of `load_nifti` lie, by the header alone; unknown where the file names no space."""
    shape, ras = _header_grid(path)
    if ras is None:
        return Grid(shape)
    source = _orientation(ras)
    turned = tuple(shape[axis] for axis in source.axes)
    return Grid(turned, RAS @ ras @ _to_file(source, turned))


def stored_grid(path: Path) -> Grid:
    """Where the voxels of the file lie in its own order of axes, turned about: (x, y, slice) is (slice, y, x)."""
    shape, ras = _header_grid(path)
    return Grid(shape[::-1], None if ras is None else RAS @ ras[:, [2, 1, 0, 3]])


def _header_grid(path: Path) -> tuple[tuple[int, ...], NDArray[np.float64] | None]:
    """Shape (i, j, k) of a file, and its affine where that leads to a place that is known."""
    import nibabel as nib

    with reading_nifti(path):
        image: Any = nib.load(path)  # type: ignore[attr-defined]
        shape = tuple(n for i, n in enumerate(image.shape) if i < 3 or n > 1)
        header = image.header
        coded = UNPLACED not in bytes(header["descrip"]) and bool(header["sform_code"] or header["qform_code"])
        affine = np.asarray(image.affine, float)
    return (*shape, *(1,) * (3 - len(shape))), affine if coded else None


def hounsfield_volume(
    values: NDArray[np.float32], affine: NDArray[np.float64], name: str, source: NiftiSource | None
) -> Volume:
    """A volume of a file that has no padding tag."""
    fill = fill_value(values)
    padding = None if fill is None else values == fill
    if padding is not None:
        values[padding] = AIR
    return Volume(
        torch.from_numpy(values),
        affine,
        name=name,
        padding=None if padding is None else torch.from_numpy(padding),
        fill=AIR if fill is None else fill,
        source=source,
    )


def filled(values: Tensor, like: Volume) -> NDArray[np.float32]:
    """`values` for a file: the padding holds what it held in the source."""
    array = values.detach().cpu().numpy().astype(np.float32, copy=False)
    return array if like.padding is None else np.where(like.padding.cpu().numpy(), np.float32(like.fill), array)


def write_nifti(values: Tensor, like: Volume, path: Path, record: Mapping[str, Any]) -> None:
    """HU as int16 where all are whole, else float32, at the place of `like`; `record` goes into a comment."""
    import nibabel as nib
    from nibabel.nifti1 import Nifti1Extension

    source = like.source if isinstance(like.source, NiftiSource) else NiftiSource()
    array = filled(values, like)
    affine = RAS @ like.affine @ np.linalg.inv(_to_file(source, array.shape))
    array = np.flip(array, _flipped(source)).transpose(np.argsort(source.axes))
    image = nib.Nifti1Image(_compact(array), affine)
    image.set_sform(affine, code=1)
    image.set_qform(None if is_sheared(affine) else affine, code=0 if is_sheared(affine) else 1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"medrecon, research use only"
    image.header.extensions.append(Nifti1Extension("comment", json.dumps(dict(record)).encode()))
    nib.save(image, path)


def _read(path: Path) -> tuple[NDArray, NDArray[np.float64]]:
    """Values (i, j, k) as the file has them, and its affine."""
    import nibabel as nib

    with reading_nifti(path):
        image: Any = nib.load(path)  # type: ignore[attr-defined]
        if image.get_data_dtype().kind not in "iuf":
            raise InputError(f"{path}: holds {image.get_data_dtype()} values; expected numbers in HU")
        values = np.asarray(image.dataobj)
        affine = np.asarray(image.affine, float)
    if values.ndim > 3 and values.shape[3:] == (1,) * (values.ndim - 3):
        values = values.reshape(values.shape[:3])
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or 0 in values.shape:
        raise InputError(f"{path}: shape {values.shape}; expected one 3-D volume: split it into one file a volume")
    check_finite(values, path)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise InputError(f"{path}: its affine places several voxels at one point; give a file with voxel sizes")
    return values, affine


def check_finite(values: NDArray, path: Path) -> None:
    """Raises InputError for NaN and infinity."""
    broken = int(np.count_nonzero(~np.isfinite(values))) if values.dtype.kind == "f" else 0
    if broken:
        raise InputError(f"{path}: {broken} of its values are NaN or infinite; expected finite HU: set them to -1024")


def _orientation(ras: NDArray[np.float64]) -> NiftiSource:
    """The file's axes nearest to head, back and left."""
    from nibabel.orientations import io_orientation

    found = io_orientation(ras)  # row: an axis of the file; columns: axis of space (R, A, S) and direction
    axes = tuple(int(np.flatnonzero(found[:, 0] == space)[0]) for space in (2, 1, 0))
    wanted = (1, -1, -1)
    flipped = tuple(bool(found[axis, 1] != sign) for axis, sign in zip(axes, wanted, strict=True))
    return NiftiSource(axes, flipped)  # type: ignore[arg-type] - three each


def _to_file(source: NiftiSource, shape: Sequence[int]) -> NDArray[np.float64]:
    """`(4, 4)`: index (slice, y, x, 1) of an array of `shape` to the index in the file."""
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for i, (axis, flipped) in enumerate(zip(source.axes, source.flipped, strict=True)):
        matrix[axis, i] = -1 if flipped else 1
        matrix[axis, 3] = shape[i] - 1 if flipped else 0
    return matrix


def _flipped(source: NiftiSource) -> tuple[int, ...]:
    return tuple(i for i in range(3) if source.flipped[i])


def is_sheared(affine: NDArray[np.float64]) -> bool:
    """Whether its axes are not at right angles."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() > SHEAR)


def _compact(array: NDArray[np.float32]) -> NDArray[np.int16] | NDArray[np.float32]:
    fits = SHORT.min <= array.min() and array.max() <= SHORT.max
    whole = fits and all((image == np.rint(image)).all() for image in array)  # up to the first that is not
    return array.astype(np.int16) if whole else array


def _name(path: Path) -> str:
    return next((path.name[: -len(e)] for e in reversed(ENDINGS) if path.name.lower().endswith(e)), path.stem)
