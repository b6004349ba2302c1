"""How many lines of the centre are sampled: what it costs each method, and what a low band of them is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from medrecon.bench.cases import Case, calibrated
from medrecon.bench.conditions import Condition, Grid
from medrecon.bench.runners import Runner
from medrecon.bench.sources import Source
from medrecon.bench.suite import Recipe, Variant
from medrecon.bench.suites.quality import Scores
from medrecon.masks import pattern

LINES = (12, 16, 24)


@dataclass(frozen=True, eq=False)
class CentreCase(Case):
    """The scan under its standard mask (the base), and under masks of the same net R with other centres."""

    centres: Mapping[str, Case]


@final
class Centres(Scores):
    """Maps, kernel and low band all come from the centre; the other lines are drawn anew for the same R.

    At R 8 the widest centre would take all lines of a matrix of 192.
    """

    name: ClassVar[str] = "centres"
    grid: ClassVar[Grid] = Grid(settings=(("random", 4.0), ("random", 6.0)), seeds=(0, 1), slices=5)
    science: ClassVar[tuple[str, ...]] = ("bench/suites/centres.py", "bench/suites/quality.py")

    def variants(self, source: Source, recipe: Recipe) -> Sequence[Variant]:  # noqa: ARG002
        return [{"centre": f"{lines} lines"} for lines in LINES]

    def prepare(self, source: Source, condition: Condition, device: torch.device) -> CentreCase:
        base, full = super().prepare(source, condition, device), source.scan(condition)
        centres = {}
        for lines in LINES:
            mask = pattern(condition.mask, condition.accel, lines, condition.seed)
            centres[f"{lines} lines"] = calibrated(full.undersample(mask), condition.seed, device)
        return CentreCase(**vars(base), centres=centres)

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:
        assert isinstance(case, CentreCase)
        chosen = case.centres[variant["centre"]]
        found = super().measure(chosen, runner, slices, variant)
        return {**found, "acs": list(chosen.problem.acs), "net_acceleration": chosen.scan.net_acceleration}
