"""A condition made ready: undersampled scan, reference, calibrated problem; and solving it against the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from medrecon.bench.conditions import Condition
from medrecon.bench.runners import Runner
from medrecon.calibration import CalibrationOptions, build_problem
from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.evaluation import reference_image, score
from medrecon.evaluation.residual import residuals
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.masks import pattern
from medrecon.mri import Solution
from medrecon.problem import Problem
from medrecon.scan import Scan

PROTOCOL = "full-range"


@dataclass(frozen=True, eq=False)
class Case:
    """One scan under one mask, ready for every method.

    Attributes
    ----------
    scan : undersampled.
    reference, kind : `(slice, y, x)` magnitude on the cropped grid, and what it is (evaluation.md 1).
    problem : of all slices, on the device.
    calibration_seconds : a slice.
    seed : of the samplers.
    """

    scan: Scan
    reference: Tensor
    kind: str
    problem: Problem
    calibration_seconds: float
    seed: int


@dataclass(frozen=True, eq=False)
class Solved:
    """A solution of some of the slices with what it cost."""

    solution: Solution
    problem: Problem
    seconds: float
    peak_memory_mib: float


def undersampled(full: Scan, condition: Condition) -> Scan:
    """`full` under the condition's mask."""
    return full.undersample(pattern(condition.mask, condition.accel, None, condition.seed))


def calibrated(
    under: Scan, seed: int, device: torch.device, options: CalibrationOptions | None = None, scale: float | None = None
) -> Case:
    """Calibrate `under` on `device`; the clock runs on what a scanner would have to do."""
    found = _reference(under if under.full is None else under.full)
    if found is None:
        raise InputError(f"{under.name} has no reference to be scored against; give fully sampled k-space")
    clock = Stopwatch(device)
    with clock.running():
        problem = build_problem(under.to(device), options=options or CalibrationOptions(), scale=scale)
    return Case(under, found[0], found[1], problem, clock.seconds / under.n_slices, seed)


def solved(problem: Problem, runner: Runner, seed: int) -> Solved:
    """Run a method on `problem`."""
    clock = Stopwatch(problem.device)
    reset_peak_memory(problem.device)
    with clock.running():
        solution = runner.solve(problem, seed)
    return Solved(solution, problem, clock.seconds, peak_memory_mib(problem.device))


def evenly(n: int, count: int | None) -> slice:
    """`count` of n slices, evenly spaced about the middle; all of them where there are no more."""
    if count is None or count >= n:
        return slice(0, n)
    step = n // count
    first = (n - 1 - (count - 1) * step) // 2
    return slice(first, first + (count - 1) * step + 1, step)


def in_scan_units(image: Tensor, problem: Problem, scan: Scan) -> Tensor:
    """Complex images `(…, slice, y, x)` of the problem, scaled back and cropped, on the CPU."""
    back = image * problem.scale * problem.intensity
    return (back if scan.crop is None else centre_crop(back, scan.crop)).cpu()


def scored(magnitude: Tensor, case: Case, part: slice) -> dict[str, Any]:
    """`mean`, `slices` and `scored` of the images of the slices `part`.

    Range and reference are those of all slices of the case, so that rows of fewer slices compare with full ones.
    A slice that was left out has null scores; `scored` counts the others.
    """
    # slices that were not reconstructed stand in as the reference, and their scores are dropped
    whole = case.reference.to(magnitude.dtype).clone()
    whole[part] = magnitude
    found = score(whole, case.reference, PROTOCOL).as_dict()["slices"]
    names, chosen = list(found[0]), set(range(len(found))[part])
    slices = [_short(row) if i in chosen else dict.fromkeys(names) for i, row in enumerate(found)]
    mean = {name: _mean([row[name] for row in slices]) for name in names}
    return {"mean": _short(mean), "slices": slices, "scored": len(chosen)}


def costs(done: Solved, case: Case) -> dict[str, Any]:
    """What a run cost, and how well its image explains the data."""
    residual = residuals(done.problem, done.solution.image).mean().item()
    return {
        "residual": residual if residual == residual else None,
        "network_calls": done.solution.calls,
        "seconds_per_slice": done.seconds / done.problem.n_slices,
        "calibration_seconds_per_slice": case.calibration_seconds,
        "peak_memory_mib": done.peak_memory_mib,
    }


@lru_cache(maxsize=3)  # all masks of a scan have one, and that of a measured scan takes ESPIRiT on all of its k-space
def _reference(full: Scan) -> tuple[Tensor, str] | None:
    return reference_image(full)


def _short(scores: Mapping[str, float | None]) -> dict[str, float | None]:
    """Seven digits of each: a campaign has tens of thousands of scores, and no more of theirs is the same elsewhere."""
    return {name: None if value is None else float(f"{value:.7g}") for name, value in scores.items()}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
