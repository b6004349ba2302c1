"""A folder of clinical CT becomes a training pack: thick slices, split by subject, with no name of a patient in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import h5py
import torch

from medrecon.atomic import whole_file
from medrecon.datasets.ct.pack import mark, store_ct
from medrecon.datasets.ct.volume import THICKEST_MM, CtVolume, thickened
from medrecon.datasets.packing import PackedVolume, PackRecord
from medrecon.datasets.sources import NIFTI, NOBODY, Refused
from medrecon.datasets.split import drawn_subjects, named_subjects
from medrecon.datasets.volume import subject_of
from medrecon.errors import InputError
from medrecon.io.dicom import find_series, is_dicom
from medrecon.progress import OnStep, Progress, silent

MODALITY = "CT"


@dataclass(frozen=True)
class CtPackOptions:
    """Of `pack_ct_folder`: who is held out (a share of the subjects, None for the default, or names), seed, mm."""

    held_out: float | tuple[str, ...] | None = None
    seed: int = 0
    thickest_mm: float = THICKEST_MM


@dataclass(frozen=True)
class CtSource:
    """One volume to be: a NIfTI file or a DICOM series, known by one file of it.

    `who` tells subjects apart in memory; `subject` is what may be stored of that, None where a number must stand for
    it; `name` is the volume's, None for DICOM.
    """

    path: Path
    where: str
    who: str = field(repr=False)
    subject: str | None
    name: str | None
    keys: frozenset[str] = field(repr=False)


def pack_ct_folder(folder: Path, out: Path, options: CtPackOptions, on_step: OnStep = silent) -> PackRecord:
    """Pack every CT volume below `folder` into `out`; one is in memory at a time, the pack appears whole or not at all.

    Raises InputError for a folder without a readable volume and a hold-out that cannot be.
    """
    sources, refused, others = find_ct_sources(folder, leave_out=out)
    _held_out(sources, options)  # a wrong name is told before the work
    packed: list[tuple[CtSource, PackedVolume]] = []
    numbers: dict[str, str] = {}
    with whole_file(out) as partial, h5py.File(partial, "w") as file:
        mark(file)
        for done, source in enumerate(sources):
            on_step(Progress("packing", done, len(sources)))
            try:
                volume, before = _read(source, options)
            except InputError as error:
                refused.append(Refused(source.where, str(error).removeprefix(f"{source.path}: ")))
                continue
            subject = source.subject or numbers.setdefault(source.who, f"subject-{len(numbers) + 1:04d}")
            stem = source.name or f"dicom-{len(packed) + 1:04d}"
            name = stem if stem not in file else f"{stem}-{len(packed) + 1}"
            volume = replace(volume, name=name, subject=subject)
            store_ct(file, volume)
            n, y, x = volume.values.shape
            row = PackedVolume(name, subject, "train", (y, x), (y, x), volume.voxel_mm, n, before)
            packed.append((source, row))
        if not packed:
            first = f"; {min(refused).where}: {min(refused).why}" if refused else ""
            raise InputError(f"{folder} holds no CT volume that can be packed{first}; give NIfTI files or DICOM series")
        held_out = _held_out([source for source, _ in packed], options)
        rows = [replace(row, split="held-out") if source.who in held_out else row for source, row in packed]
        for row in rows:
            file[row.name].attrs["split"] = row.split
    return PackRecord(tuple(rows), tuple(sorted(refused)), others)


def find_ct_sources(folder: Path, *, leave_out: Path) -> tuple[list[CtSource], list[Refused], int]:
    """NIfTI files and CT series below `folder`, what is passed over, and how many files are of other kinds."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.resolve() != leave_out.resolve()]
    files = [p for p in files if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    nifti = [p for p in files if p.name.lower().endswith(NIFTI)]
    rest = [p for p in files if p not in nifti]
    dicom = [p for p in rest if is_dicom(p)]
    series, unreadable = find_series(dicom)
    sources = _nifti(nifti, folder)
    refused = [Refused(_below(path, folder), why) for path, why in unreadable]
    for found in series:
        path = found.files[0]
        if found.modality != MODALITY:
            refused.append(Refused(_below(path, folder), f"a series of modality {found.modality or 'unknown'}, not CT"))
            continue
        keys = _keys(found.files, folder) | {found.patient}
        sources.append(CtSource(path, _below(path, folder), found.patient or NOBODY, None, None, keys))
    return sorted(sources, key=lambda source: source.where), refused, len(rest) - len(dicom)


def _nifti(files: Sequence[Path], folder: Path) -> list[CtSource]:
    """By the file's name; by its folder where the name stands in several (ct.nii.gz)."""
    stems = [path.name[: path.name.lower().rindex(".nii")] for path in files]
    sources = []
    for path, stem in zip(files, stems, strict=True):
        repeated = stems.count(stem) > 1
        who = str(path.parent) if repeated else subject_of(stem)
        keys = _keys([path], folder) | {subject_of(stem)}
        sources.append(CtSource(path, _below(path, folder), who, None if repeated else who, stem, keys))
    return sources


def _read(source: CtSource, options: CtPackOptions) -> tuple[CtVolume, int]:
    """The thick slices of a volume, still without names, and how many thin ones there were."""
    from medrecon.io import load_volume  # NIfTI and DICOM readers: only packing needs them

    volume = load_volume(source.path)
    z, y, x = volume.voxel_mm
    values, thick = thickened(torch.as_tensor(volume.values), z, options.thickest_mm)
    return CtVolume(values, (thick, y, x), "", ""), len(volume.values)


def _held_out(sources: Sequence[CtSource], options: CtPackOptions) -> frozenset[str]:
    if not sources:
        return frozenset()
    if not isinstance(options.held_out, tuple):
        return drawn_subjects({source.who for source in sources}, options.held_out, options.seed)
    keys: dict[str, set[str]] = {}
    for source in sources:
        keys.setdefault(source.who, set()).update(source.keys)
    return named_subjects(keys, options.held_out)


def _keys(files: Sequence[Path], folder: Path) -> frozenset[str]:
    """Names of the files, with and without ending, and of the folders below `folder` that they lie in."""
    folders = {part for path in files for part in path.relative_to(folder).parts[:-1]}
    return frozenset(folders | {path.name for path in files} | {path.name.split(".")[0] for path in files})


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
