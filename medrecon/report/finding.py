"""The results of a folder: images with their records, records without images, and what is neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from medrecon.errors import InputError
from medrecon.evaluation.folders.pairs import images, name_of
from medrecon.io.nifti_damage import reading_nifti
from medrecon.io.records import UNREADABLE, Record, is_ct, read_record, saved_record
from medrecon.io.writable import ending
from medrecon.report.manifests import Manifests, read_manifests
from medrecon.report.results import Result

HDF5, ARRAYS = (".h5", ".hdf5"), (".nii.gz", ".nii", ".npy")
NO_RECORD = "no record lies beside it; write one with --json"
SERIES = (512, 512)
"""Matrix that a series is taken to have until it is read; only the size of the page is planned with it."""

LeftOut = tuple[tuple[str, str], ...]


def find_results(folder: Path) -> tuple[tuple[Result, ...], LeftOut]:
    """(results by name, name and reason of what was left out); folders within the folder are looked into.

    A name is the place in the folder without the ending. Of files of one name .h5 is taken, then NIfTI, .npy, a
    series. Raises InputError where nothing is found.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that medrecon mri -o or medrecon ct -o wrote into")
    manifests = read_manifests(folder)
    found: dict[str, Result] = {}
    left_out: dict[str, str] = {}
    for path in sorted(images(folder, (*HDF5, *ARRAYS)), key=_rank):
        name = name_of(path, folder)
        if name in found:
            continue
        try:
            found[name] = replace(_result(path, folder, manifests), name=name)
        except (InputError, *UNREADABLE) as error:
            reason = " ".join(str(error).split()).replace(str(path), "the file") or type(error).__name__
            left_out[path.relative_to(folder).as_posix()] = reason
    taken = found.keys() | {name_of(folder / place, folder) for place in left_out}
    for path in sorted(folder.rglob("*.json")):
        name = name_of(path, folder)
        record = None if path.name.startswith(".") or name in taken else read_record(path)
        if record is not None:
            found[name] = Result(name, None, record=record)
    if not found:
        raise InputError(
            f"{folder} holds no result of medrecon ({len(left_out)} other images); write .h5 with medrecon mri -o, or "
            "records with --json"
        )
    left_out |= dict(manifests.failed)
    return tuple(found[name] for name in sorted(found)), tuple(sorted(left_out.items()))


def _rank(path: Path) -> tuple[int, str]:
    endings = (*HDF5, *ARRAYS)
    return len(endings) if path.is_dir() else endings.index(str(ending(path, endings))), path.name


def _result(path: Path, folder: Path, manifests: Manifests) -> Result:
    """Raises InputError, and what h5py and numpy raise, for an image that cannot be shown."""
    place = path.relative_to(folder).as_posix()
    found = _hdf5(path) if ending(path, HDF5) else _array(path, manifests.records.get(place))
    warnings = manifests.warnings.get(place)
    return found if warnings is None else replace(found, record={"warnings": warnings, **found.record})


def _array(path: Path, known: Record | None) -> Result:
    """An image that has no room for a record, or for little of one; `known` is what the batch's manifest says."""
    record = saved_record(path) or known
    if record is None:
        raise InputError(NO_RECORD)
    voxel = record.get("voxel_mm")
    size = None if voxel is None else (voxel[1], voxel[2])
    return Result(path.name, path, _shape(path, record), ("image",), record, size)


def _hdf5(path: Path) -> Result:
    with h5py.File(path, "r") as file:
        image = file.get("reconstruction")
        if not isinstance(image, h5py.Dataset) or len(image.shape) != 3 or 0 in image.shape:
            raise InputError("holds no reconstruction (slice, y, x); is it a result?")
        others = [name for name in ("reference", "std") if isinstance(file.get(name), h5py.Dataset)]
        panels = ("image", *(name for name in others if file[name].shape == image.shape))  # type: ignore[union-attr]
        voxel = file.attrs.get("voxel_mm")
        spread = str(file["std"].attrs.get("meaning", Result.spread)) if "std" in panels else Result.spread
        size = None if voxel is None else (float(voxel[0]), float(voxel[1]))
        shape: tuple[int, int, int] = image.shape
    return Result(path.name, path, shape, panels, saved_record(path) or {}, size, spread)


def _shape(path: Path, record: Record) -> tuple[int, int, int]:
    """Of an image file without reading its pixels; NIfTI stores (x, y, slice)."""
    if path.is_dir():
        return (sum(each.is_file() for each in path.iterdir()), *SERIES)
    if ending(path, (".npy",)):
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    else:
        import nibabel as nib

        with reading_nifti(path):
            shape = nib.load(path).shape[::-1]  # type: ignore[attr-defined]
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or 0 in shape:
        kind = "CT" if is_ct(record) else "MR"
        raise InputError(f"has shape {shape}; expected {kind} slices (slice, y, x)")
    return shape
