"""Scores alone: the standard conditions, little acceleration, and the noise sweep (evaluation.md 1, 3 and 6)."""

from dataclasses import replace
from typing import Any, ClassVar, final

from medrecon.bench.cases import Case
from medrecon.bench.conditions import Grid
from medrecon.bench.low_band_error import low_band_error
from medrecon.bench.runners import Runner, has_low_band, low_lines
from medrecon.bench.suite import Suite, Variant
from medrecon.mri import Solution
from medrecon.problem import Problem

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Of the noise rule; the best of them by the truth, one an R, is a row of the tables beside the rule's."""


class Scores(Suite):
    """Scores and costs, and the error of the low band for the methods that have one."""

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:
        if not has_low_band(runner.method):
            return super().measure(case, runner, slices, variant)
        found: list[Solution] = []

        def solve(problem: Problem, seed: int) -> Solution:
            found.append(runner.solve(problem, seed))
            return found[-1]

        row = super().measure(case, replace(runner, solve=solve), slices, variant)
        error = low_band_error(found[-1].image, case, slices, low_lines(runner, case.problem))
        return {**row, "low_band_error": error}


@final
class Standard(Scores):
    """The table: baselines at the rule's weight and swept, methods that draw once and eight times."""

    sweeps: ClassVar[tuple[float, ...]] = MULTIPLES
    samples: ClassVar[tuple[int, ...]] = (1, 8)


@final
class Light(Scores):
    """R = 1, 2, 3 and equispaced lines: what a prior costs where the data need none."""

    name: ClassVar[str] = "light"
    grid: ClassVar[Grid] = Grid(
        settings=(("random", 1.0), ("random", 2.0), ("random", 3.0), ("equispaced", 2.0), ("equispaced", 3.0)),
        seeds=(0, 1),
    )


@final
class NoiseLevels(Scores):
    """Foreground SNR 10, 20 and 40 with every method's own rules."""

    name: ClassVar[str] = "snr"
    grid: ClassVar[Grid] = Grid(settings=(("random", 4.0), ("random", 8.0)), snr=(10.0, 20.0, 40.0), slices=5)
    takes_measured: ClassVar[bool] = False
    mixes_snr: ClassVar[bool] = True
