"""The record that a saved result carries: inside .h5 and NIfTI, else in the .json file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import h5py

from medrecon.errors import InputError
from medrecon.io.nifti_damage import reading_nifti

ENDINGS = (".h5", ".hdf5", ".nii.gz", ".nii", ".npy", ".png", ".json")
NIFTI = (".nii", ".nii.gz")
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)
"""What h5py, nibabel and json raise on damaged files."""

Record = Mapping[str, Any]


def saved_record(path: str | PathLike[str]) -> Record | None:
    """Provenance of the result `path`, a file or the folder of a series; None where nothing tells of it."""
    path = Path(path)
    inside = _inside(path)
    return inside if is_record(inside) else read_record(path.with_name(f"{stem_of(path)}.json"))


def read_record(path: Path) -> Record | None:
    """The record in a .json file; None if there is no such file, or if it holds something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except UNREADABLE:
        return None
    return found if is_record(found) else None


def is_record(value: Any) -> bool:
    """Whether `value` is what `medrecon mri` and `medrecon ct` say of a result."""
    if not isinstance(value, Mapping) or not isinstance(value.get("scores") or {}, Mapping):
        return False
    return isinstance(value.get("method"), str) and isinstance(value.get("versions"), Mapping)


def is_ct(record: Record) -> bool:
    """Whether a record tells of a CT volume."""
    return "dose" in record and "net_acceleration" not in record


def stem_of(path: Path) -> str:
    """The name without its ending; .nii.gz is one ending, and a folder has none."""
    ending = next((e for e in ENDINGS if path.name.lower().endswith(e)), "")
    return path.name[: len(path.name) - len(ending)] if ending and not path.is_dir() else path.name


def _inside(path: Path) -> Any:
    try:
        if path.is_file() and path.name.lower().endswith(NIFTI):
            return _nifti_comment(path)
        if path.is_file() and h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return json.loads(str(file.attrs.get("provenance", "null")))
    except UNREADABLE:
        return None
    return None


def _nifti_comment(path: Path) -> Any:
    import nibabel as nib

    try:
        with reading_nifti(path):
            extensions = nib.load(path).header.extensions  # type: ignore[attr-defined]
    except InputError:
        return None
    comments = [e.get_content() for e in extensions if e.get_code() == COMMENT]
    return json.loads(comments[0]) if comments else None


COMMENT = 6
"""NIfTI's code of a plain text extension."""
