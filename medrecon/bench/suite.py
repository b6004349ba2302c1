"""`Suite`: one question of the evaluation, with its conditions, its runs and what it measures of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, ClassVar

import torch

from medrecon.bench.cases import Case, calibrated, costs, evenly, in_scan_units, scored, solved, undersampled
from medrecon.bench.conditions import EXPENSIVE, Choice, Condition, Grid
from medrecon.bench.runners import Runner, calls, default, takes
from medrecon.bench.sources import Source

Variant = Mapping[str, str]
SAME: tuple[Variant, ...] = ({},)


@dataclass(frozen=True)
class Recipe:
    """A method with its options, and how many of a volume's slices it is run on (None for all)."""

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    slices: int | None = None


class Suite:
    """Scores of every method over a grid of conditions; other suites measure something further.

    Attributes
    ----------
    name : of the suite, in rows and file names.
    grid : its conditions, unless the user gives others.
    sweeps : multiples of the noise rule at which the baselines are tried besides their default.
    samples : draws a slice of the methods that draw.
    science : files of the package, by path, that decide this suite's numbers besides `stale.SHARED` and the method.
    takes_measured : whether it can be asked of measured scans.
    mixes_snr : rows of all SNR share a file.
    """

    name: ClassVar[str] = "standard"
    grid: ClassVar[Grid] = Grid(
        settings=tuple(("random", accel) for accel in (4.0, 8.0, 10.0)),
        seeds=(0, 1, 2, 3, 4),
        coils=(8, 16),
        snr=(40.0, 20.0),
    )
    sweeps: ClassVar[tuple[float, ...]] = ()
    samples: ClassVar[tuple[int, ...]] = (1,)
    science: ClassVar[tuple[str, ...]] = ()
    takes_measured: ClassVar[bool] = True
    mixes_snr: ClassVar[bool] = False

    def recipes(self, choice: Choice) -> Iterator[Recipe]:
        """What is run under every condition."""
        for method in choice.methods:
            if takes(method, "samples"):
                yield from self.draws(method, choice)
            elif self.sweeps and takes(method, "noise_factor"):
                rule = default(method, "noise_factor")
                yield from (Recipe(method, {"noise_factor": rule * multiple}) for multiple in self.sweeps)
            else:
                yield Recipe(method)

    def draws(self, method: str, choice: Choice) -> Iterator[Recipe]:
        """Every combination of steps and samples; what takes many network calls gets few slices."""
        for steps, samples in product(choice.steps or (None,), choice.samples or self.samples):
            options = {**({"steps": steps} if steps else {}), **({"samples": samples} if samples > 1 else {})}
            options |= choice.options
            yield Recipe(method, options, choice.few if calls(method, options) > EXPENSIVE else None)

    def variants(self, source: Source, recipe: Recipe) -> Sequence[Variant]:  # noqa: ARG002
        """What is done differently under one condition; each is a row of its own."""
        return SAME

    def prepare(self, source: Source, condition: Condition, device: torch.device) -> Case:
        """Everything that the runs of one condition share."""
        return calibrated(undersampled(source.scan(condition), condition), condition.seed, device)

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:  # noqa: ARG002
        """The measured fields of a row: scores and costs of `slices` slices (None for all), and the suite's own."""
        part = evenly(case.problem.n_slices, slices)
        done = solved(case.problem.select(part), runner, case.seed)
        magnitude = in_scan_units(done.solution.image, done.problem, case.scan).abs()
        return {**scored(magnitude, case, part), **costs(done, case)}
