"""Which files of a folder are inputs, and what each result is called: OUT_DIR/<stem>.h5 of a scan, .nii.gz of a NIfTI
volume, a folder of a DICOM series; folders within the folder stay folders.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from medrecon.batch.discreet import names_patient, patient_words, series_label
from medrecon.batch.plan import FileItem, Plan
from medrecon.errors import InputError
from medrecon.io.ct_series import ENDINGS as DICOM
from medrecon.io.dicom import is_dicom
from medrecon.io.nifti import ENDINGS as NIFTI

SCANS = "*.h5"


def mri_plan(folder: Path, out: Path, pattern: str | None = None) -> Plan:
    """Every file of `folder` that matches `pattern`, *.h5 unless given; raises InputError for none.

    A link to a file that is not there is one that fails, by its name: data sets are kept so.
    """
    found = (path for path in _matching(folder, out, pattern or SCANS) if not path.is_dir())
    return _plan(folder, pattern or SCANS, found, lambda path: _scan_item(folder, out, path))


def ct_plan(folder: Path, out: Path, pattern: str | None = None, *, keep_identity: bool = False) -> Plan:
    """Every volume of `folder`: NIfTI files in it, and folders at any depth that hold DICOM; or what `pattern` matches.

    Raises InputError for none.
    """
    found = _matching(folder, out, pattern) if pattern else _volumes(folder, out)
    return _plan(
        folder, pattern or "*.nii.gz, *.nii or a DICOM series", found,
        lambda path: _volume_item(folder, out, path, keep_identity),
    )  # fmt: skip


def _plan(folder: Path, wanted: str, paths: Iterator[Path], item: Callable[[Path], FileItem]) -> Plan:
    items = [item(path) for path in sorted(paths, key=lambda path: path.relative_to(folder).as_posix())]
    if not items:
        raise InputError(f"{folder} holds nothing that is {wanted}; name another folder, or its files with --pattern")
    return Plan(items)


def _matching(folder: Path, out: Path, pattern: str) -> Iterator[Path]:
    try:
        found = list(folder.glob(pattern))
    except (ValueError, NotImplementedError, IndexError):
        raise InputError(
            f"--pattern is '{pattern}'; give one that is relative to {folder}, for example '*.h5'"
        ) from None
    return (path for path in found if path != folder and not _left_out(folder, out, path) and not _is_half(path))


def _left_out(folder: Path, out: Path, path: Path) -> bool:
    """Hidden names, and results that lie within the folder of inputs."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return hidden or path.resolve().is_relative_to(out.resolve())


def _is_half(path: Path) -> bool:
    """BART's header beside its data: the two are one scan."""
    return path.suffix.lower() == ".hdr" and path.with_suffix(".cfl").is_file()


def _volumes(folder: Path, out: Path) -> Iterator[Path]:
    for place, _, files in os.walk(folder):
        here, visible = Path(place), [name for name in files if not name.startswith(".")]
        if _left_out(folder, out, here):
            continue
        if here == folder:
            yield from (here / name for name in visible if name.lower().endswith(NIFTI))
        if any(_may_be_dicom(here / name) for name in visible):
            yield here


def _may_be_dicom(path: Path) -> bool:
    """By name too: a series of files that were cut off is one that failed, and none that may be passed over."""
    try:
        return path.name.lower().endswith(DICOM) or (path.is_file() and is_dicom(path))
    except OSError:
        return False


def _scan_item(folder: Path, out: Path, path: Path) -> FileItem:
    name = path.relative_to(folder)
    return FileItem(name.as_posix(), path, out / name.with_name(path.stem + ".h5"), _known(_scan_slices, path))


def _volume_item(folder: Path, out: Path, path: Path, keep_identity: bool) -> FileItem:
    name = path.relative_to(folder)
    ending = next((each for each in NIFTI if path.name.lower().endswith(each)), None)
    if ending is not None and path.is_file():
        stem = path.name[: -len(ending)]
        return FileItem(name.as_posix(), path, out / name.with_name(stem + ".nii.gz"), _known(_nifti_slices, path))
    if path.is_file() and path.suffix.lower() == ".npy":
        return FileItem(name.as_posix(), path, out / name.with_name(path.stem + ".npy"), _known(_scan_slices, path))
    private = () if keep_identity else patient_words(path)
    if names_patient(name.as_posix(), private):
        name = Path(series_label(path))
    called = name if name.parts else Path("series")
    # a name with a dot would be taken for a file's, and folders are often called by UIDs
    to = called.with_name((called.stem if path.is_file() else called.name).replace(".", "_"))
    return FileItem(called.as_posix(), path, out / to, _known(_series_slices, path), private)


def _known(count: Callable[[Path], int], path: Path) -> int | None:
    """A count of slices, None of a file that cannot be read: why, its turn will tell."""
    try:
        return int(count(path))
    except Exception:  # whatever a broken file makes a reader do
        return None


def _scan_slices(path: Path) -> int:
    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            return file["kspace"].shape[0]  # type: ignore[union-attr]
    return np.load(path, mmap_mode="r", allow_pickle=False).shape[0]


def _nifti_slices(path: Path) -> int:
    import nibabel as nib

    return nib.load(path).shape[2]  # type: ignore[attr-defined]


def _series_slices(path: Path) -> int:
    return sum(is_dicom(file) for file in (path.iterdir() if path.is_dir() else [path]) if file.is_file())
