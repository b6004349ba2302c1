"""`medrecon score`: images against others, under a named protocol; one pair, or two folders."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from medrecon.cli.parse import check_distinct, parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.evaluation.folders import FolderScores
    from medrecon.evaluation.protocols import Scores

DESCRIPTION = """Score an image against a reference. MR: .h5 of medrecon or fastMRI, .npy, .nii.gz or the folder of a
DICOM series. CT, in HU: a DICOM series (its folder), .nii.gz or .npy.
Of two folders the files of the same stem are scored, and their mean and spread.
Images that lie elsewhere in the patient than their references, as far as both files say it, are refused.

medrecon score image.h5 reference.h5 --protocol full-range

medrecon score denoised.nii.gz full-dose.nii.gz --protocol ct-chest

medrecon score results/ multicoil_val/ --protocol fastmri --csv scores.csv"""
MRI = ("full-range", "fastmri")
NOT_ALL = 1
"""Exit code where a file of one of the folders stands in no row."""


@dataclass(frozen=True)
class Score:
    """Options of `medrecon score`."""

    pred: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PRED")]
    """The image to score, or a folder of them."""
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TARGET")]
    """The image to score against, or a folder of them."""
    protocol: Literal["full-range", "fastmri", "ct-full", "ct-chest", "ct-abdomen", "ct-head", "e-red", "e-core"] = (
        "full-range"
    )
    """MR: full-range, whole image and foreground; fastmri, centre-cropped to a square, scored as fastmri.evaluate does.
    CT: ct-full, all of 12 bits; ct-chest, ct-abdomen, ct-head, the windows -600/1500, 50/400, 40/80; e-red and e-core,
    those of RED-CNN and of CoreDiff."""
    dataset: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Which image of HDF5 targets is the reference, such as reconstruction_esc or truth. Unless given, of fastmri its
    own (rss, or esc of single-coil files), else the first of reconstruction, truth, reconstruction_rss."""
    acquisition: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Of folders: only targets of this acquisition, such as CORPD_FBK."""
    acceleration: Annotated[int | None, tyro.conf.arg(metavar="R", help_behavior_hint="")] = None
    """Of folders: only targets whose attribute 'acceleration' is this."""
    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Where a row a volume goes."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Where everything goes: volumes, slices, mean and spread, what is missing."""


def run(argv: Sequence[str]) -> int:
    """Print the table of scores; 1 if a file of a folder is missing, surplus or unreadable."""
    options = parse(Score, argv, "score", DESCRIPTION)
    _check(options)
    if _are_folders(options):
        return _folders(options)
    if options.acquisition is not None or options.acceleration is not None:
        raise InputError("--acquisition and --acceleration choose among the files of folders; leave them out")
    scores = _pair(options)
    _print_pair(options, scores)
    return 0


def _check(options: Score) -> None:
    from medrecon.io import check_writable

    for path, endings in ((options.csv, (".csv",)), (options.json, (".json",))):
        if path is not None:
            check_writable(path, endings)
    check_distinct((options.pred, options.target), (options.csv, options.json))
    if options.dataset is not None and options.protocol not in MRI:
        raise InputError(f"--dataset is of HDF5 files, and {options.protocol} of CT has none; leave it out")


def _are_folders(options: Score) -> bool:
    """Whether both are folders of volumes; a folder may be one series. Raises InputError for one of each."""
    from medrecon.evaluation.folders.pairs import is_series

    both = options.pred, options.target
    for path in both:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; expected an image, or a folder of images")
    folders = [path.is_dir() and not is_series(path) for path in both]
    if any(folders) and not all(folders):
        folder, image = both if folders[0] else both[::-1]
        raise InputError(f"{folder} is a folder of images and {image} one image; give two of a kind")
    return all(folders)


def _pair(options: Score) -> Scores:
    from medrecon.evaluation.folders import FolderScores, VolumeScores, score_pair
    from medrecon.evaluation.folders.agreement import check_agreement, methods
    from medrecon.evaluation.folders.pairs import Pair
    from medrecon.evaluation.folders.places import check_places
    from medrecon.evaluation.folders.targets import reference_kind, target_datasets
    from medrecon.io.records import saved_record

    pair = Pair(options.pred.name, options.pred, options.target)
    kind = reference_kind(options.target, target_datasets(options.target, options.protocol, options.dataset))
    record = saved_record(pair.prediction)
    check_agreement({pair.name: record}, {pair.name: kind}, options.protocol)
    warnings = check_places([pair], options.protocol, options.dataset)
    scores = score_pair(pair, options.protocol, options.dataset)
    _write(
        FolderScores(options.protocol, kind, (VolumeScores(pair.name, scores, *methods([record])),)), options, warnings
    )
    return scores


def _print_pair(options: Score, found: Scores) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True)
    if options.protocol in MRI:
        from medrecon.cli.report import print_scores

        scores = {"protocol": found.protocol, "reference": options.target.name, "method": found.as_dict()}
        print_scores(console, scores, options.pred.name)
    else:
        from medrecon.cli.ct_report import print_ct_scores

        console.print(f"reference: {options.target.name}")
        print_ct_scores(console, {"protocol": found.protocol, "method": found.as_dict()}, options.pred.name)


def _folders(options: Score) -> int:
    from medrecon.cli.bar import progress_bar
    from medrecon.cli.score_table import print_folder_scores
    from medrecon.evaluation.folders import Selection, score_folders
    from medrecon.evaluation.folders.pairs import pair_by_stem
    from medrecon.evaluation.folders.places import check_places

    selection = Selection(options.acquisition, options.acceleration)
    pairs = pair_by_stem(options.pred, options.target, ct=options.protocol not in MRI, wanted=selection)
    warnings = check_places(pairs.pairs, options.protocol, options.dataset)
    with progress_bar() as on_step:
        found = score_folders(
            options.pred,
            options.target,
            options.protocol,
            dataset=options.dataset,
            selection=selection,
            on_step=on_step,
        )
    _write(found, options, warnings)
    print_folder_scores(found)
    return 0 if found.is_complete else NOT_ALL


def _write(found: FolderScores, options: Score, warnings: Sequence[str]) -> None:
    """Both files, and to standard error what may be wrong with the pairs."""
    from medrecon.io import write_json
    from medrecon.io.score_csv import write_csv

    if options.csv is not None:
        write_csv(found, options.csv)
    if options.json is not None:
        write_json({**found.as_dict(), "warnings": list(warnings)}, options.json)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
