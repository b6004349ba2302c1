"""Two folders in, a table out: `medrecon score PRED_DIR TARGET_DIR`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import h5py

from medrecon.errors import InputError
from medrecon.evaluation.ct_protocols import CT_PROTOCOLS
from medrecon.evaluation.folders.agreement import UNKNOWN, check_agreement
from medrecon.evaluation.folders.fastmri_package import fastmri_scores
from medrecon.evaluation.folders.folder_scores import FolderScores, VolumeScores
from medrecon.evaluation.folders.pairs import Pair, Pairs, pair_by_stem
from medrecon.evaluation.folders.targets import HDF5, reference_kind, target_datasets
from medrecon.evaluation.protocols import PROTOCOLS, Scores, score
from medrecon.evaluation.score_files import PREDICTION
from medrecon.evaluation.score_volumes import score_volumes
from medrecon.io.datasets import text
from medrecon.io.images import load_images, stored_images
from medrecon.io.records import UNREADABLE, saved_record
from medrecon.io.writable import ending
from medrecon.progress import OnStep, Progress, silent

Failures = dict[str, str]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Selection:
    """Which volumes are scored, by what their fastMRI files say: None takes all.

    Attributes
    ----------
    acquisition : attribute of the target, such as "CORPD_FBK".
    acceleration : attribute of the target, as challenge files have it.
    """

    acquisition: str | None = None
    acceleration: int | None = None

    def __call__(self, target: Path) -> bool:
        """Whether the file is one of those asked for; one that says nothing is not, a damaged one is, to be named."""
        asked = {"acquisition": self.acquisition, "acceleration": self.acceleration}
        asked = {name: str(value) for name, value in asked.items() if value is not None}
        if not asked:
            return True
        try:
            with h5py.File(target, "r") as file:
                return all(name in file.attrs and text(file.attrs[name]) == value for name, value in asked.items())
        except UNREADABLE:
            return ending(target, HDF5) is not None


def score_folders(
    predictions: Path,
    targets: Path,
    protocol: str = "full-range",
    *,
    dataset: str | None = None,
    selection: Selection | None = None,
    on_step: OnStep = silent,
) -> FolderScores:
    """Scores of every image in `predictions` against that of the same stem in `targets`, one volume in memory at once.

    MR: .h5, .nii.gz, .npy; CT: .nii.gz, .npy, folders of DICOM series. `dataset` names the reference in HDF5 targets,
    where there are several. What cannot be read or does not fit is passed over and listed in `failed`.
    Raises InputError for an unknown protocol, folders without a common name, results that state other protocols or
    references than each other, targets of two kinds, and where no pair can be scored.
    """
    ct = _is_ct(protocol)
    if predictions.resolve() == targets.resolve() and dataset in (None, *PREDICTION):
        raise InputError(f"{targets} is scored against itself; name its reference with --dataset, or another folder")
    found = pair_by_stem(predictions, targets, ct=ct, wanted=selection or Selection())
    failed: Failures = {}
    records = {pair.name: saved_record(pair.prediction) for pair in found.pairs}
    kinds = dict(_kinds(found, protocol, dataset, failed))
    check_agreement(records, kinds, protocol)
    volumes = []
    for i, pair in enumerate(found.pairs):
        if pair.name not in failed and (
            scores := _tried(lambda p=pair: score_pair(p, protocol, dataset), pair, failed)
        ):
            volumes.append(VolumeScores(pair.name, scores, str((records[pair.name] or {}).get("method", UNKNOWN))))
        on_step(Progress("scoring", i + 1, len(found.pairs)))
    if not volumes:
        raise InputError(
            f"none of the {len(found.pairs)} pairs can be scored; the first: {next(iter(failed.values()))}"
        )
    kind = kinds[volumes[0].name]
    return FolderScores(protocol, kind, tuple(volumes), found.missing, found.surplus, tuple(failed.items()))


def score_pair(pair: Pair, protocol: str, dataset: str | None = None) -> Scores:
    """Scores of one pair; under "fastmri" those of fastmri.evaluate, with its `mse` in the file's own units.

    Raises InputError as `score`, `score_ct` and the readers do.
    """
    if _is_ct(protocol):
        return score_volumes(pair.prediction, pair.target, protocol)
    names = target_datasets(pair.target, protocol, dataset)
    if protocol == "fastmri":
        return fastmri_scores(stored_images(pair.prediction, PREDICTION), stored_images(pair.target, names))
    return score(load_images(pair.prediction, PREDICTION), load_images(pair.target, names), protocol)


def _is_ct(protocol: str) -> bool:
    if protocol not in (*PROTOCOLS, *CT_PROTOCOLS):
        raise InputError(f"unknown protocol '{protocol}'; choose one of {', '.join((*PROTOCOLS, *CT_PROTOCOLS))}")
    return protocol in CT_PROTOCOLS


def _kinds(found: Pairs, protocol: str, dataset: str | None, failed: Failures) -> Iterator[tuple[str, str]]:
    for pair in found.pairs:
        names = target_datasets(pair.target, protocol, dataset)
        if kind := _tried(lambda p=pair, n=names: reference_kind(p.target, n), pair, failed):
            yield pair.name, kind


def _tried(work: Callable[[], Found], pair: Pair, failed: Failures) -> Found | None:
    """The result of `work`, or None with its reason in `failed`."""
    try:
        return work()
    except InputError as error:
        failed[pair.name] = " ".join(str(error).split())
    except UNREADABLE as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        failed[pair.name] = f"{pair.prediction.name} or {pair.target.name}: cannot be read ({said}); copy it again"
    return None
