"""The plan of a campaign: units of work, one row each, in an order in which neighbours share their calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medrecon.bench.conditions import Choice, Condition
from medrecon.bench.identity import identity
from medrecon.bench.row_maker import Work
from medrecon.bench.runners import Maker, Runner, made
from medrecon.bench.sources import Source
from medrecon.bench.suite import Suite, Variant
from medrecon.errors import InputError


@dataclass(frozen=True, eq=False)
class Unit:
    """One row to be: a suite's measurement of one runner under one condition.

    `slices` is how many of the condition's slices it is run on, None for all; `number` counts conditions over the
    whole plan, and with them the shards.
    """

    suite: Suite
    source: Source
    condition: Condition
    runner: Runner
    slices: int | None
    variant: Variant
    number: int

    @property
    def fields(self) -> dict[str, Any]:
        """What the row says before anything is measured; its identity rests on these."""
        return {
            "suite": self.suite.name,
            **self.condition.as_fields(),
            **self.variant,
            "method": self.runner.method,
            "options": dict(self.runner.options),
            "asked_slices": self.slices,
            "weights": None if self.runner.weights is None else dict(self.runner.weights),
        }

    @property
    def identity(self) -> str:
        return identity(self.fields)

    def file(self, out: Path, shard: Shard) -> Path:
        """Where the row goes: one file a table. Measured and simulated scans have different references."""
        condition, name = self.condition, f"{out.name}_{self.suite.name}"
        if not condition.simulated:
            name += "_measured"
        else:
            name += f"_{condition.coils}coils" + ("" if self.suite.mixes_snr else f"_snr{condition.snr:g}")
        return out.with_name(name + shard.suffix + ".json")


@dataclass(frozen=True)
class Shard:
    """The `index`-th of `count` disjoint parts of a plan; conditions are dealt out in turn."""

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise InputError(f"--shard is {self.index}/{self.count}; give i/n with i from 1 to n, for example 2/8")

    @property
    def suffix(self) -> str:
        return "" if self.count == 1 else f"_shard{self.index}of{self.count}"

    def has(self, unit: Work) -> bool:
        return unit.number % self.count == self.index - 1


def plan(
    sources: Sequence[Source], suites: Sequence[Suite], choice: Choice, registry: Mapping[str, Maker]
) -> Iterator[Unit]:
    """Every unit, suite by suite, scan by scan, condition by condition.

    A suite passes over scans that it cannot be asked of. Raises InputError for unknown methods and options.
    """
    number = 0
    for suite in suites:
        recipes = [(recipe, made(registry, recipe.method, recipe.options)) for recipe in suite.recipes(choice)]
        for source in sources:
            if source.coils is not None and not suite.takes_measured:
                continue
            for condition in suite.grid.chosen(choice).conditions(source.name, source.coils):
                for recipe, runners in recipes:
                    few = recipe.slices if recipe.slices is not None and recipe.slices < condition.slices else None
                    for variant in suite.variants(source, recipe):
                        for runner in runners:
                            yield Unit(suite, source, condition, runner, few, variant, number)
                number += 1
