"""The plan of a CT campaign and the making of its rows; files, shards and resuming are those of `bench.campaign`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, final

from medrecon.bench.closure import closure
from medrecon.bench.ct.cases import CtCase, CtCondition
from medrecon.bench.ct.runners import INPUT, CtRunner, made
from medrecon.bench.ct.sources import CtSource
from medrecon.bench.ct.suite import PROTOCOL, CtChoice, CtSuite
from medrecon.bench.identity import Row, identity
from medrecon.bench.plan import Shard
from medrecon.bench.row_maker import RowMaker
from medrecon.bench.stale import NETWORK, PACKAGE, Stale, commit, files_digest, stale_by
from medrecon.ct import CT_METHODS, ct_method_class
from medrecon.networks.ct.load import CtPrior
from medrecon.provenance import versions

ROOMS = (
    "ct", "diffusion", "evaluation", "networks", "operators", "optimisation", "simulate", "bench/ct/cases.py",
    "bench/ct/lesions.py", "bench/ct/sources.py", "bench/ct/suite.py", "bench/lesions.py", "ct_pipeline.py",
    "weights/files.py", "weights/quantise.py", "volume.py",
)  # fmt: skip
"""Where code stands that can decide numbers of CT; imports are followed no further."""
SHARED = ("bench/ct/cases.py", "bench/ct/sources.py", "bench/ct/suite.py", "ct_pipeline.py")
CT_NETWORK = ("networks/ct/load.py", *NETWORK[1:])


@dataclass(frozen=True, eq=False)
class CtUnit:
    """One row to be; `slices` is how many of the condition's slices are run, None for all of them."""

    suite: CtSuite
    source: CtSource
    condition: CtCondition
    runner: CtRunner
    slices: int | None
    number: int

    @property
    def fields(self) -> dict[str, Any]:
        """What the row says before anything is measured; its identity rests on these."""
        return {
            "suite": self.suite.name,
            **self.condition.as_fields(),
            "method": self.runner.method,
            "options": dict(self.runner.options),
            "asked_slices": self.slices,
            "weights": self.runner.weights,
        }

    @property
    def identity(self) -> str:
        return identity(self.fields)

    def file(self, out: Path, shard: Shard) -> Path:
        """Where the row goes: all doses and methods in one file."""
        return out.with_name(f"{out.name}{shard.suffix}.json")


def ct_plan(
    sources: Sequence[CtSource],
    doses: Sequence[float],
    seeds: Sequence[int],
    slices: int,
    choice: CtChoice,
    priors: Mapping[str, CtPrior],
) -> Iterator[CtUnit]:
    """Every unit, scan by scan and dose by dose. Raises InputError for unknown methods and options."""
    suite = CtSuite()
    recipes = list(suite.recipes(choice))
    for recipe in recipes:
        if recipe.method != INPUT:
            made(recipe.method, recipe.options)
    number = 0
    for source in sources:
        for dose in doses:
            for seed in seeds:
                condition = CtCondition(source.name, dose, seed, slices)
                for recipe in recipes:
                    few = recipe.slices if recipe.slices is not None and recipe.slices < slices else None
                    runner = CtRunner(recipe.method, recipe.options, priors.get(recipe.method))
                    yield CtUnit(suite, source, condition, runner, few, number)
                number += 1


@final
class CtRows(RowMaker[CtUnit, CtCase]):
    """Rows of `medrecon bench ct`."""

    def row(self, unit: CtUnit) -> Row:
        case = self.prepared(unit)
        return {
            **unit.fields,
            "matrix": list(case.low.shape[-2:]),
            "voxel_mm": list(case.voxel_mm),
            "protocol": PROTOCOL,
            "reference": case.kind,
            **unit.suite.measure(case, unit.runner, unit.slices, self.device),
            "commit": commit(),
            "code": ct_code_digest(unit.runner.method),
            "device": str(self.device),
            "versions": versions(self.device),
        }

    @staticmethod
    def stale(rows: Iterable[Row], science: tuple[str, ...], hashes: Mapping[str, str | None]) -> list[Stale]:  # noqa: ARG004
        return stale_by(lambda row: ct_code_digest(row["method"]), rows, hashes)


@cache
def ct_code_digest(method: str) -> str:
    """Hash of the code, docstrings apart, that decides rows of `method`."""
    own: tuple[str, ...] = ()
    if method in CT_METHODS:
        home = CT_METHODS[method].split(":")[0].removeprefix("medrecon.").replace(".", "/") + ".py"
        own = (home, *(CT_NETWORK if ct_method_class(method).needs_prior else ()))
    # the list of methods decides no number: a new method leaves the rows of others as they are
    return files_digest(file for file in closure(PACKAGE, (*SHARED, *own), ROOMS) if file != "ct/__init__.py")
