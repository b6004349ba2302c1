"""What `fdmr_bench` runs: one line of its tables, and the cost of running it once on some slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from medrecon.diffusion.prior import Prior
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.mri.fdmr.method import Fdmr
from medrecon.problem import Problem

Solve = Callable[[Problem], tuple[Tensor, int]]
"""(images `(slice, y, x)`, network calls a slice)."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the table.

    Attributes
    ----------
    solve, warm : the run, and a short one that sets libraries up and records what will be replayed.
    """

    name: str
    options: Mapping[str, Any]
    prior: Prior
    solve: Solve
    warm: Solve


@dataclass(frozen=True, eq=False)
class Traced:
    """An adaptation that is looked at iterate by iterate."""

    name: str
    method: Fdmr
    prior: Prior


def timed(entry: Entry, problem: Problem) -> tuple[Tensor, dict[str, Any]]:
    """Images `(slice, y, x)` after a warm run, and what row they belong to and cost."""
    entry.warm(problem)
    reset_peak_memory(problem.device)
    clock = Stopwatch(problem.device)
    with clock.running():
        image, calls = entry.solve(problem)
    return image, {
        "options": dict(entry.options), "prior": entry.prior.name, "weights_sha256": entry.prior.sha256,
        "coils": problem.maps.shape[1], "matrix": list(problem.image_shape[1:]), "network_calls": calls,
        "seconds_per_slice": clock.seconds / problem.n_slices, "batch": problem.n_slices,
        "peak_memory_mib": peak_memory_mib(problem.device),
    }  # fmt: skip
