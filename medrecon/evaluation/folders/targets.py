"""Which image of a target file is the reference, and what it is: no table has two kinds."""

from __future__ import annotations

from pathlib import Path

import h5py

from medrecon.errors import InputError
from medrecon.evaluation.score_files import TARGET
from medrecon.io.records import UNREADABLE, saved_record
from medrecon.io.writable import ending

HDF5 = (".h5", ".hdf5")
RSS, ESC = "reconstruction_rss", "reconstruction_esc"
KINDS = {RSS: "rss", ESC: "esc", "truth": "simulated"}
UNSTATED = "unstated"
"""Kind of an image in a file that says nothing of itself, such as .npy."""


def target_datasets(path: Path, protocol: str, dataset: str | None = None) -> tuple[str, ...]:
    """Names to look for in the target `path`, the first that is there being read.

    `dataset` alone if given. For "fastmri" fastMRI's own reference comes first: that of a multi-coil file is the root
    sum of squares, that of a single-coil file, whose k-space has no coil axis, the emulated single coil's image.
    """
    if dataset is not None:
        return (dataset,)
    if protocol != "fastmri":
        return TARGET
    own = (ESC, RSS) if _is_single_coil(path) else (RSS, ESC)
    return (*own, *(name for name in TARGET if name not in own))


def reference_kind(path: Path, names: tuple[str, ...]) -> str:
    """What the image of `path` is: rss, esc, simulated, combined, "reconstruction of METHOD", or unstated.

    Raises InputError for an HDF5 file that cannot be read, or that has none of the datasets `names`.
    """
    if ending(path, HDF5) is None or not path.is_file():
        return UNSTATED
    try:
        with h5py.File(path, "r") as file:
            name = next((n for n in names if isinstance(file.get(n), h5py.Dataset)), None)
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read ({_first_line(error)}); check or copy it again") from error
    if name is None:
        raise InputError(f"{path}: has none of the datasets {', '.join(names)}; name another with --dataset")
    if name in KINDS:
        return KINDS[name]
    record = saved_record(path) or {}
    if name == "reconstruction":
        return f"reconstruction of {record.get('method', 'an unknown method')}"
    return str((record.get("scores") or {}).get("reference") or UNSTATED)


def _is_single_coil(path: Path) -> bool:
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            kspace = file.get("kspace")
            return isinstance(kspace, h5py.Dataset) and len(kspace.shape) == 3
    except UNREADABLE:
        return False


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
