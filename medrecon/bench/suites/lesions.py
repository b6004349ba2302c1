"""Would a physician be misled? Lesions put in and taken out, and the strongest structure that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from medrecon.bench.cases import Case, calibrated, costs, evenly, in_scan_units, scored, solved, undersampled
from medrecon.bench.conditions import Condition, Grid
from medrecon.bench.false_structure import strongest
from medrecon.bench.lesions import Lesion, contrasts, draw, inserted
from medrecon.bench.runners import Runner
from medrecon.bench.sources import Source, Volume, chosen
from medrecon.bench.suite import Suite, Variant
from medrecon.errors import InputError
from medrecon.scan import Scan

_LESIONS = 0x1E5104


@dataclass(frozen=True, eq=False)
class LesionCase(Case):
    """The scan as it is (the base), with all lesions, and with all but one a slice; the noise of all three is one.

    `lesions` holds those of each slice, `missing` the place in that list of the one that was taken out again.
    """

    whole: Case
    all_but_one: Case
    lesions: tuple[tuple[Lesion, ...], ...]
    missing: tuple[int, ...]
    voxel_mm: tuple[float, float]


@final
class Lesions(Suite):
    """Contrast that comes back when a lesion is put into a head, and that goes away when one of them is taken out."""

    name: ClassVar[str] = "lesions"
    grid: ClassVar[Grid] = Grid(settings=tuple(("random", accel) for accel in (4.0, 8.0, 10.0)), slices=6)
    science: ClassVar[tuple[str, ...]] = (
        "bench/suites/lesions.py",
        "bench/lesions.py",
        "bench/false_structure.py",
    )
    takes_measured: ClassVar[bool] = False

    def prepare(self, source: Source, condition: Condition, device: torch.device) -> LesionCase:
        if not isinstance(source, Volume):
            raise InputError(f"{source.name} is measured k-space; lesions are put into volumes before they are scanned")
        healthy, ill, cured, lesions, missing = scans(source, condition.unsampled)
        base, whole, all_but_one = (
            calibrated(undersampled(scan, condition), condition.seed, device) for scan in (healthy, ill, cured)
        )
        voxel = healthy.voxel_mm or (1.0, 1.0)
        return LesionCase(
            **vars(base), whole=whole, all_but_one=all_but_one, lesions=lesions, missing=missing, voxel_mm=voxel
        )

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:  # noqa: ARG002
        assert isinstance(case, LesionCase)
        part = evenly(case.problem.n_slices, slices)
        done = solved(case.problem.select(part), runner, case.seed)
        images = [
            _magnitude(each, runner, part)
            if each is not case
            else in_scan_units(done.solution.image, done.problem, case.scan).abs()
            for each in (case, case.whole, case.all_but_one)
        ]
        seen = [image.double().numpy() for image in images]
        true = [each.reference[part].double().numpy() for each in (case, case.whole, case.all_but_one)]
        return {
            **scored(images[0], case, part),
            **costs(done, case),
            "lesions": list(_records(case, part, seen, true)),
            "false_structures": _false_structures(case, part, seen[0], true[0]),
        }


@lru_cache(maxsize=1)  # every acceleration sees the same lesions
def scans(
    source: Volume, condition: Condition
) -> tuple[Scan, Scan, Scan, tuple[tuple[Lesion, ...], ...], tuple[int, ...]]:
    """(healthy, all lesions, all but one a slice), the lesions of each slice, and which of them is the one left out.

    Lesions change the signal alone: their noise-free k-space is added to that of the healthy scan, so that noise,
    coils and phase stay.
    """
    magnitude, voxel, thickness = source.magnitude()
    slices = chosen(len(magnitude), condition)
    lesions, missing = [], []
    for position, index in enumerate(slices):
        generator = np.random.default_rng([condition.seed, index, _LESIONS])
        found = draw(magnitude[index].astype(np.float64), position, voxel, generator)
        lesions.append(tuple(found))
        missing.append(int(generator.integers(len(found))) if found else 0)
    healthy = source.simulated(magnitude, voxel, thickness, condition, slices)

    def clean(volume: np.ndarray) -> Scan:
        return source.simulated(volume, voxel, thickness, condition, slices, snr=np.inf)

    def with_lesions(kept: Sequence[Sequence[Lesion]]) -> np.ndarray:
        changed = magnitude.astype(np.float64)
        for index, some in zip(slices, kept, strict=True):
            changed[index] = inserted(changed[index], some, voxel)
        return changed

    bare = clean(magnitude).kspace
    others = [tuple(x for i, x in enumerate(some) if i != out) for some, out in zip(lesions, missing, strict=True)]
    ill, cured = (clean(with_lesions(kept)) for kept in (lesions, others))
    ill, cured = (replace(healthy, kspace=healthy.kspace + s.kspace - bare, truth=s.truth) for s in (ill, cured))
    return healthy, ill, cured, tuple(lesions), tuple(missing)


def _magnitude(case: Case, runner: Runner, part: slice) -> Tensor:
    done = solved(case.problem.select(part), runner, case.seed)
    return in_scan_units(done.solution.image, done.problem, case.scan).abs()


def _records(
    case: LesionCase, part: slice, seen: Sequence[np.ndarray], true: Sequence[np.ndarray]
) -> list[dict[str, Any]]:
    """Every lesion with its contrast recovered; the one that was taken out has that of the removal as well."""
    found = []
    for row, index in enumerate(range(len(case.lesions))[part]):
        lesions = case.lesions[index]
        healthy, ill, cured = ((s[row], t[row]) for s, t in zip(seen, true, strict=True))
        n = len(lesions)
        put_in = contrasts(lesions, [ill[0] - healthy[0]] * n, [ill[1] - healthy[1]] * n, case.voxel_mm)
        for i, (lesion, inserted_contrast) in enumerate(zip(lesions, put_in, strict=True)):
            removed = None
            if i == case.missing[index]:
                (removed,) = contrasts([lesion], [ill[0] - cured[0]], [ill[1] - cured[1]], case.voxel_mm)
            found.append({**lesion.as_dict(), "recovered": inserted_contrast, "recovered_on_removal": removed})
    return found


def _false_structures(case: LesionCase, part: slice, seen: np.ndarray, true: np.ndarray) -> list[dict[str, Any]]:
    """The strongest of each slice of the healthy head."""
    indices = range(len(case.lesions))[part]
    found = [strongest(seen[row], true[row], index, case.voxel_mm) for row, index in enumerate(indices)]
    return [each.as_dict() for each in found if each is not None]
