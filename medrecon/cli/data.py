"""`medrecon data pack|check`: a folder of scans into a training pack; a folder against the manifest of a data set."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from medrecon.cli.bar import progress_bar
from medrecon.cli.parse import parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.datasets.packing import PackedVolume, PackOptions, PackRecord

PACK = """Pack a folder of MR volumes for training, split by subject: nobody stands in both parts.

medrecon data pack volumes/ -o pack.h5 --held-out 0.1

Read are NIfTI files, classic DICOM series of magnitudes and fully sampled k-space (fastMRI .h5), at any depth. Volumes
are cropped to the matrix that was acquired, empty slices dropped.

A subject is told by PatientID (DICOM), patient_id (k-space), or the file's name: sub-..., or what stands before _study,
_ses, _run or _acq; by folder where names repeat from folder to folder (T1.nii.gz). See that the table has it right.

No path, header or patient number is stored; NIfTI and k-space volumes keep the names of their files. The images
themselves remain: a head in 3-D has a face."""
CHECK = """Compare a folder with the manifest of a data set: which files are there and right, missing or different.

medrecon data check data_manifests/fastmri-knee.toml DIR

Exit code 0 if all is right, 1 if not."""
NOT_ALL_RIGHT = 1


@dataclass(frozen=True)
class Pack:
    """Options of `medrecon data pack`."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Folder of volumes."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """Where the pack goes (.h5)."""
    held_out: Annotated[
        tuple[str, ...], tyro.conf.arg(metavar="SHARE|NAME...", help_behavior_hint="(default: a tenth of the subjects)")
    ] = ()
    """Who is kept from training: a share of the subjects such as 0.1, or names of subjects, files or folders."""
    seed: int = 0
    """Of the draw of subjects."""
    combine: Literal["espirit", "rss"] = "espirit"
    """How coils of k-space files become one image: with ESPIRiT maps, or by their root sum of squares (quicker)."""


@dataclass(frozen=True)
class Check:
    """Options of `medrecon data check`."""

    manifest: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MANIFEST")]
    """A manifest (.toml, with a .csv beside it)."""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Where the data set lies."""
    split: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME...", help_behavior_hint="(default: all)")] = ()
    """Only these parts of the data set."""


def run_pack(argv: Sequence[str]) -> int:
    """Write a pack and print a row a volume."""
    options = parse(Pack, argv, "data pack", PACK)
    from medrecon.datasets.packing import pack_folder
    from medrecon.io import check_writable

    if not options.folder.is_dir():
        raise InputError(f"{options.folder} is no folder; give one that holds volumes")
    check_writable(options.out, (".h5",))
    with progress_bar() as on_step:
        record = pack_folder(options.folder, options.out, _pack_options(options), on_step)
    dropped = sum(v.slices_before - v.slices for v in record.volumes)
    print_packed(record, f"{dropped} empty slices dropped", options.out, "medrecon train mri-image")
    return 0


def run_check(argv: Sequence[str]) -> int:
    """Print a line a row of the manifest; the exit code says whether all is right."""
    options = parse(Check, argv, "data check", CHECK)
    from medrecon.datasets.manifest import check_folder, read_manifest

    manifest = read_manifest(options.manifest)
    with progress_bar() as on_step:
        found = check_folder(manifest, options.folder, options.split, on_step)
    for finding in found.findings:
        print(f"{finding.verdict:<9}  {finding.expected.file}" + (f": {finding.why}" if finding.why else ""))
    count = Counter(finding.verdict for finding in found.findings)
    print(
        f"{manifest.name}: {count['present']} of {len(found.findings)} present and right, {count['missing']} missing, "
        f"{count['different']} different; {found.unexpected} unexpected file(s)"
    )
    if not found.all_right:
        print(f"licence: {manifest.licence}\nhow to obtain it: {manifest.obtain}")
    return 0 if found.all_right else NOT_ALL_RIGHT


def _pack_options(options: Pack) -> PackOptions:
    from medrecon.datasets.packing import PackOptions

    return PackOptions(held_out_of(options.held_out), options.seed, options.combine)


def held_out_of(words: tuple[str, ...]) -> float | tuple[str, ...] | None:
    """A share if it is one number from 0 to below 1, else names: subjects may be called 101."""
    if not words:
        return None
    try:
        share = float(words[0])
    except ValueError:
        return words
    return share if len(words) == 1 and 0 <= share < 1 else words


def print_packed(record: PackRecord, slices: str, out: Path, trains: str) -> None:
    """A row a volume, what was passed over, and the command that trains on the pack.

    slices : what became of them, in words.
    """
    print(table(record.volumes))
    parts = ", ".join(_part(record, split) for split in ("train", "held-out"))
    print(
        f"{len(record.volumes)} volumes: {parts}; {slices}, {len(record.refused)} passed over, "
        f"{record.others} other files"
    )
    for where, why in record.refused:
        print(f"passed over {where}: {why}", file=sys.stderr)
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB); train on it with {trains} --data {out}")


def _part(record: PackRecord, split: str) -> str:
    chosen = [v for v in record.volumes if v.split == split]
    return f"{len(chosen)} {split} (subjects: {len({v.subject for v in chosen})})"


def table(volumes: Sequence[PackedVolume]) -> str:
    """Columns as wide as their longest entry, so that a file of it can be read by columns."""
    rows = [("name", "subject", "split", "matrix (y, x)", "voxel mm (z, y, x)", "slices")]
    rows += [
        (
            v.name,
            v.subject,
            v.split,
            f"{v.stored[0]}x{v.stored[1]} -> {v.acquired[0]}x{v.acquired[1]}",
            " x ".join(f"{mm:.2f}" for mm in v.voxel_mm),
            f"{v.slices} of {v.slices_before}",
        )
        for v in volumes
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
