"""The results of a folder: images with their records, records without images, and what is neither."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from medrecon.errors import InputError
from medrecon.evaluation.folders.pairs import is_series
from medrecon.io.records import UNREADABLE, Record, is_ct, read_record, saved_record, stem_of
from medrecon.io.writable import ending
from medrecon.report.results import Result

HDF5, ARRAYS = (".h5", ".hdf5"), (".nii.gz", ".nii", ".npy")
NO_RECORD = "no record lies beside it; write one with --json"
SERIES = (512, 512)
"""Matrix that a series is taken to have until it is read; only the size of the page is planned with it."""

LeftOut = tuple[tuple[str, str], ...]


def find_results(folder: Path) -> tuple[tuple[Result, ...], LeftOut]:
    """(results by name, name and reason of what was left out).

    Of files of one stem .h5 is taken, then NIfTI, .npy, a series. Raises InputError where nothing is found.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that medrecon mri -o or medrecon ct -o wrote into")
    found: dict[str, Result] = {}
    left_out: list[tuple[str, str]] = []
    for path in sorted(_candidates(folder), key=_rank):
        if stem_of(path) in found:
            continue
        try:
            found[stem_of(path)] = _result(path)
        except (InputError, *UNREADABLE) as error:
            reason = " ".join(str(error).split()).replace(str(path), "the file") or type(error).__name__
            left_out.append((path.name, reason))
    taken = found.keys() | {stem_of(folder / name) for name, _ in left_out}
    for path in sorted(folder.glob("*.json")):
        record = None if path.name.startswith(".") or stem_of(path) in taken else read_record(path)
        if record is not None:
            found[stem_of(path)] = Result(stem_of(path), None, record=record)
    if not found:
        raise InputError(
            f"{folder} holds no result of medrecon ({len(left_out)} other images); write .h5 with medrecon mri -o, or "
            "records with --json"
        )
    return tuple(found[name] for name in sorted(found)), tuple(sorted(left_out))


def _candidates(folder: Path) -> list[Path]:
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in visible if (is_series(path) if path.is_dir() else ending(path, (*HDF5, *ARRAYS)))]


def _rank(path: Path) -> tuple[int, str]:
    endings = (*HDF5, *ARRAYS)
    return len(endings) if path.is_dir() else endings.index(str(ending(path, endings))), path.name


def _result(path: Path) -> Result:
    """Raises InputError, and what h5py and numpy raise, for an image that cannot be shown."""
    if ending(path, HDF5):
        return _hdf5(path)
    record = saved_record(path)
    if record is None:
        raise InputError(NO_RECORD)
    voxel = record.get("voxel_mm")
    return Result(
        stem_of(path), path, _shape(path, record), ("image",), record, None if voxel is None else (voxel[1], voxel[2])
    )


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
    return Result(stem_of(path), path, shape, panels, saved_record(path) or {}, size, spread)


def _shape(path: Path, record: Record) -> tuple[int, int, int]:
    """Of an image file without reading its pixels; NIfTI stores (x, y, slice)."""
    if path.is_dir():
        return (sum(each.is_file() for each in path.iterdir()), *SERIES)
    if ending(path, (".npy",)):
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    else:
        import nibabel as nib

        shape = nib.load(path).shape[::-1]  # type: ignore[attr-defined]
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or 0 in shape:
        kind = "CT" if is_ct(record) else "MR"
        raise InputError(f"has shape {shape}; expected {kind} slices (slice, y, x)")
    return shape
