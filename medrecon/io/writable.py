"""Where files may be written: looked at before any work, so that a typing error costs nothing."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from medrecon.atomic import whole_file
from medrecon.errors import InputError

ENDINGS = (".h5", ".nii.gz", ".nii", ".npy", ".png")


def check_writable(path: str | PathLike[str], endings: Sequence[str] = ENDINGS) -> Path:
    """`path`, if a file with one of `endings` can be written there; raises InputError otherwise."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected the name of a file: give one")
    if ending(path, endings) is None:
        raise InputError(f"{path}: its ending is not one that is written here; use {', '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first or choose another")
    if not _takes_files(path.parent):
        raise InputError(f"{path}: the folder {path.parent} cannot be written to; choose another")
    return path


def _takes_files(folder: Path) -> bool:
    """Tried, not asked: permissions do not tell of read-only disks and of file systems without files."""
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def ending(path: Path, endings: Sequence[str] = ENDINGS) -> str | None:
    """The ending of `path` among `endings`, whatever its case; None if it has another, or nothing else."""
    return next((e for e in endings if path.name.lower().endswith(e) and len(path.name) > len(e)), None)


def is_folder_name(path: Path) -> bool:
    """Whether `path` is a folder, or a name without a dot, which will be one; an ending always means a file."""
    if ending(path) is not None:
        return False
    return path.is_dir() or not (path.suffix or path.name.startswith("."))


def write_json(record: Mapping[str, Any], path: str | PathLike[str]) -> None:
    """`record` as indented JSON, whole or not at all; NaN and infinity are refused as ValueError."""
    with whole_file(check_writable(path, (".json",))) as temporary:
        temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
