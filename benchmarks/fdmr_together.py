"""Seconds by how many slices go at once: a call of the network has all of them, whichever the entry (issue 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fdmr_cases import Named
from fdmr_entry import Entry, timed

from medrecon.bench.cases import evenly, in_scan_units, scored

TOGETHER = "together"
"""The part's name."""
SIZES, TINY_SIZES = (2, 6, 16), (1, 2)
"""No more than the `batch` of the methods, which would deal them into several calls."""
FIRST = ("fdmr", "ddpm", "static")
"""How the names of entries begin without which the others say nothing, in the order in which they are run."""


def in_order(entries: Sequence[Entry], accels: Sequence[float]) -> list[tuple[Entry, float]]:
    """What to run one after another: `FIRST` at the last R and at the others, then the rest."""
    first = [entry for start in FIRST for entry in entries if entry.name.startswith(start)]
    rest = [entry for entry in entries if entry not in first]
    return [(entry, accel) for some in (first, rest) for accel in reversed(accels) for entry in some]


def batch_row(entry: Entry, named: Named, most: int) -> dict[str, Any]:
    """Costs of `most` slices at once, or of all where there are fewer; and the mean score of those."""
    case = named.case
    part = evenly(case.problem.n_slices, most)
    problem = case.problem.select(part)
    image, found = timed(entry, problem)
    scores = scored(in_scan_units(image, problem, case.scan).abs(), case, part)
    return {**found, "reference": case.kind, "psnr_foreground": scores["mean"]["psnr_foreground"]}
