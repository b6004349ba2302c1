"""What a folder holds that can be packed: NIfTI volumes, DICOM series, k-space files; and whom each of them shows.

A source knows its subject so that the split can be by subject. That name (`who`) lives in memory only; `subject` is
what a pack may keep of it, None where nothing may be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from os.path import commonpath
from pathlib import Path
from typing import NamedTuple

import h5py

from medrecon.datasets.magnitudes import Combination, Magnitudes, from_kspace, from_nifti, from_series
from medrecon.datasets.volume import names_subject, subject_of
from medrecon.io.datasets import identity
from medrecon.io.dicom import SeriesFiles, find_series, is_dicom

NIFTI = (".nii", ".nii.gz")
HDF5 = (".h5", ".hdf5")
NOBODY = "no PatientID"
"""All series without a PatientID count as one subject: nothing tells them apart."""


@dataclass(frozen=True, eq=False)
class Source:
    """One volume to be. `where` is its path below the folder, for messages; `keys` are the words that mean it."""

    where: str
    who: str = field(repr=False)
    subject: str | None
    name: str | None
    keys: frozenset[str] = field(repr=False)
    read: Callable[[], Magnitudes] = field(repr=False)


class Refused(NamedTuple):
    """A file, or a series named by its first file, that is passed over."""

    where: str
    why: str


@dataclass(frozen=True)
class Findings:
    """Sources in the order of their paths, what looks like one and is not, and how many files are of other kinds."""

    sources: tuple[Source, ...]
    refused: tuple[Refused, ...]
    others: int


def find_sources(folder: Path, *, combination: Combination = "espirit", leave_out: Path | None = None) -> Findings:
    """Every source below `folder`, hidden files and the file `leave_out` aside. Only headers are read."""
    skipped = None if leave_out is None else leave_out.resolve()
    files = [p for p in sorted(folder.rglob("*")) if _is_visible(p, folder) and p.resolve() != skipped]
    nifti = [p for p in files if p.name.lower().endswith(NIFTI)]
    hdf5 = [p for p in files if p.name.lower().endswith(HDF5)]
    rest = [p for p in files if not p.name.lower().endswith((*NIFTI, *HDF5))]
    dicom, closed = _dicom(rest)
    series, unreadable = find_series(dicom)
    sources = [
        *_nifti(nifti, folder),
        *(_kspace(path, folder, combination) for path in hdf5),
        *(_series(found, folder) for found in series),
    ]
    return Findings(
        tuple(sorted(sources, key=lambda source: source.where)),
        tuple(Refused(_below(path, folder), why) for path, why in [*closed, *unreadable]),
        len(rest) - len(dicom) - len(closed),
    )


def _dicom(files: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Those of `files` that are DICOM, and those that cannot be opened."""
    found, closed = [], []
    for path in files:
        try:
            if is_dicom(path):
                found.append(path)
        except OSError as error:
            closed.append((path, f"cannot be opened ({error.strerror})"))
    return found, closed


def _nifti(files: Sequence[Path], folder: Path) -> list[Source]:
    """By the file's name; where names repeat from folder to folder (T1.nii.gz), by the folder.

    The folder is the one where the paths of such files part, so that no subject is taken for two.
    """
    unmarked = [path for path in files if not names_subject(_stem(path))]
    repeated = max(Counter(map(_stem, unmarked)).values(), default=0) > 1
    parting = Path(commonpath([path.parent for path in unmarked])) if unmarked else folder

    def source(path: Path) -> Source:
        below = path.parent.relative_to(parting).parts if path in unmarked and repeated else ()
        who = str(parting / below[0]) if below else subject_of(_stem(path))
        return Source(
            where=_below(path, folder),
            who=who,
            subject=None if below else who,
            name=_stem(path),
            keys=_keys([path], folder) | {subject_of(_stem(path))},
            read=partial(from_nifti, path),
        )

    return [source(path) for path in files]


def _kspace(path: Path, folder: Path, combination: Combination) -> Source:
    """By the patient_id of the file, where there is one: fastMRI's brain set has several files of a patient."""
    try:
        with h5py.File(path) as file:
            who = identity(file.attrs, keep=True).get("patient_id")
    except OSError:
        who = None  # reading it will say why
    return Source(
        where=_below(path, folder),
        who=who or subject_of(path.stem),
        subject=None if who else subject_of(path.stem),
        name=path.stem,
        keys=_keys([path], folder) | {who or subject_of(path.stem)},
        read=partial(from_kspace, path, combination),
    )


def _series(series: SeriesFiles, folder: Path) -> Source:
    return Source(
        where=_below(series.files[0], folder),
        who=series.patient or NOBODY,
        subject=None,
        name=None,
        keys=_keys(series.files, folder) | ({series.patient} if series.patient else set()),
        read=partial(from_series, series),
    )


def _keys(files: Sequence[Path], folder: Path) -> frozenset[str]:
    """Names of the files, with and without ending, and of the folders below `folder` that they lie in."""
    folders = {part for path in files for part in path.relative_to(folder).parts[:-1]}
    return frozenset(folders | {path.name for path in files} | {_stem(path) for path in files})


def _stem(path: Path) -> str:
    name = path.name
    return name[: name.lower().rindex(".nii")] if name.lower().endswith(NIFTI) else path.stem


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _is_visible(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
