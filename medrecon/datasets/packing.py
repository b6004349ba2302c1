"""A folder of scans becomes a training pack: volume by volume, split by subject, with no name of a patient in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from medrecon.atomic import whole_file
from medrecon.datasets.magnitudes import Combination, Magnitudes
from medrecon.datasets.pack import normalised, store
from medrecon.datasets.sources import Refused, Source, find_sources
from medrecon.datasets.split import drawn_subjects, named_subjects
from medrecon.datasets.volume import Split, TrainingVolume, is_isotropic
from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent

BRIGHT = 0.1
"""A pixel belongs to the head where it is above this share of the volume's 99.9th percentile."""
EMPTY = 0.01
"""A slice is empty if it has fewer such pixels than this share of the slice that has most."""


@dataclass(frozen=True)
class PackedVolume:
    """A row of the record: matrices (y, x), voxel (slice, y, x) in mm as packed, slices kept of those that were."""

    name: str
    subject: str
    split: Split
    stored: tuple[int, int]
    acquired: tuple[int, int]
    voxel_mm: tuple[float, float, float]
    slices: int
    slices_before: int


@dataclass(frozen=True)
class PackRecord:
    """What went into a pack, what was passed over, and the number of files of other kinds."""

    volumes: tuple[PackedVolume, ...]
    refused: tuple[Refused, ...]
    others: int


@dataclass(frozen=True)
class PackOptions:
    """Of `pack_folder`: who is held out (a share of the subjects, None for the default, or names) and the seed."""

    held_out: float | tuple[str, ...] | None = None
    seed: int = 0
    combination: Combination = "espirit"


def pack_folder(folder: Path, out: Path, options: PackOptions, on_step: OnStep = silent) -> PackRecord:
    """Pack every volume below `folder` into `out` at its acquired matrix, without empty slices.

    One volume is in memory at a time; the pack appears whole or not at all. DICOM volumes and whoever is known by an
    identifier are stored as numbers, so that no label can be traced back; files that have a name of their own keep it.
    Raises InputError for a folder without a readable volume and a hold-out that cannot be.
    """
    findings = find_sources(folder, combination=options.combination, leave_out=out)
    if findings.sources:
        _held_out(findings.sources, findings.sources, options)  # a wrong name is told before the work
    packed: list[tuple[Source, PackedVolume]] = []
    refused = list(findings.refused)
    labels = _Labels()
    with whole_file(out) as partial, h5py.File(partial, "w") as file:
        for done, source in enumerate(findings.sources):
            on_step(Progress("packing", done, len(findings.sources)))
            try:
                volume, slices_before, stored = _prepared(source.read())
            except InputError as error:
                refused.append(Refused(source.where, str(error).removeprefix(f"{folder / source.where}: ")))
                continue
            volume = replace(volume, name=labels.volume(source), subject=labels.subject(source))
            row = _row(volume, stored, slices_before)
            data = store(file, volume)
            data.attrs["stored_matrix"], data.attrs["slices_before"] = row.stored, row.slices_before
            packed.append((source, row))
        if not packed:
            raise InputError(_nothing(folder, refused))
        held_out = _held_out(findings.sources, [source for source, _ in packed], options)
        rows = [replace(row, split="held-out") if source.who in held_out else row for source, row in packed]
        for row in rows:
            file[row.name].attrs["split"] = row.split
    return PackRecord(tuple(rows), tuple(sorted(refused)), findings.others)


class _Labels:
    """Names under which volumes and subjects are stored: each volume's its own, numbers where a name must not be."""

    def __init__(self) -> None:
        self.volumes: set[str] = set()
        self.series = 0
        self.numbers: dict[str, str] = {}

    def volume(self, source: Source) -> str:
        if source.name is None:
            self.series += 1
        stem = f"dicom-{self.series:04d}" if source.name is None else source.name
        tries = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
        name = next(name for name in tries if name not in self.volumes)
        self.volumes.add(name)
        return name

    def subject(self, source: Source) -> str:
        return source.subject or self.numbers.setdefault(source.who, f"subject-{len(self.numbers) + 1:04d}")


def kept_slices(values: NDArray, isotropic: bool) -> NDArray[np.bool_]:
    """`(slice,)` bool, the slices that show something; in a volume that is cut across, none between them is lost."""
    bright = (values > BRIGHT * np.percentile(values, 99.9)).mean((1, 2))
    keep = np.asarray(bright > EMPTY * bright.max())
    if isotropic and keep.any():
        shown = np.flatnonzero(keep)
        keep[shown[0] : shown[-1] + 1] = True
    return keep


def _prepared(found: Magnitudes) -> tuple[TrainingVolume, int, tuple[int, int]]:
    """The volume, still without names, how many slices there were, and the matrix that was stored."""
    before, ny, nx = found.values.shape
    keep = kept_slices(found.values, is_isotropic(found.voxel_mm))
    if not keep.any():
        raise InputError("every slice is empty; give a volume that shows something")
    return normalised(found.values[keep], found.voxel_mm, ""), before, (ny, nx)


def _row(volume: TrainingVolume, stored: tuple[int, int], slices_before: int) -> PackedVolume:
    slices, ny, nx = volume.values.shape
    return PackedVolume(
        volume.name, volume.subject, volume.split, stored, (ny, nx), volume.voxel_mm, slices, slices_before
    )


def _held_out(known: Sequence[Source], packed: Sequence[Source], options: PackOptions) -> frozenset[str]:
    """The subjects held out of those packed; names may mean anyone of those known."""
    people = {source.who for source in packed}
    if not isinstance(options.held_out, tuple):
        return drawn_subjects(people, options.held_out, options.seed)
    keys: dict[str, set[str]] = {}
    for source in known:
        keys.setdefault(source.who, set()).update(source.keys)
    chosen = named_subjects(keys, options.held_out) & people
    if chosen in (frozenset(), people):
        part = "held out" if not chosen else "to train on"
        raise InputError(f"nobody is left {part}: the files could not be read; mend them or change --held-out")
    return chosen


def _nothing(folder: Path, refused: Sequence[Refused]) -> str:
    """Why there is no pack."""
    if not refused:
        return f"{folder} holds no NIfTI file, DICOM series or k-space file (.h5); give a folder that does"
    first = min(refused)
    return f"none of {len(refused)} file(s) in {folder} can be packed; {first.where}: {first.why}"
