"""The campaign: units of work that are not done yet, one after another, until they or the time are spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, final

import torch

from medrecon.batch.engine import Engine, never
from medrecon.batch.here import HereEngine
from medrecon.batch.work import Work as EngineWork
from medrecon.bench.cases import PROTOCOL, Case
from medrecon.bench.identity import Row, work
from medrecon.bench.items import RowItem, by_condition
from medrecon.bench.plan import Shard, Unit
from medrecon.bench.row_maker import RowMaker, Work
from medrecon.bench.row_work import UnitsWork
from medrecon.bench.stale import Stale, code_digest, commit, stale
from medrecon.bench.store import Store
from medrecon.bench.tally import Count, Tally
from medrecon.errors import InputError
from medrecon.provenance import versions

Policy = Literal["stop", "keep", "redo"]


def _quietly(row: Row) -> None:
    """Say nothing of a new row."""


@final
class MriRows(RowMaker[Unit, Case]):
    """Rows of `medrecon bench mri`."""

    def row(self, unit: Unit) -> Row:
        case = self.prepared(unit)
        measured = unit.suite.measure(case, unit.runner, unit.slices, unit.variant)
        under = case.scan
        return {
            **unit.fields,
            "matrix": list(under.matrix),
            "voxel_mm": None if under.voxel_mm is None else list(under.voxel_mm),
            "net_acceleration": under.net_acceleration,
            "acs": list(case.problem.acs),
            "protocol": PROTOCOL,
            "reference": case.kind,
            **measured,
            "commit": commit(),
            "code": code_digest(unit.runner.method, unit.suite.science, unit.condition.mask),
            "device": str(self.device),
            "versions": versions(self.device),
        }

    @staticmethod
    def stale(rows: Iterable[Row], science: tuple[str, ...], hashes: Mapping[str, str | None]) -> list[Stale]:
        return stale(rows, science, hashes)


class Campaign:
    """Units with the files that their rows go to.

    units : of the whole plan; those of `shard` are worked on.
    out : path and first word of the files' names, one file a suite, coil count and SNR.
    policy : what to do about stale rows: stop, keep them beside the new ones, or make them anew.
    maker : of the rows; those of MRI unless given.
    """

    def __init__(
        self,
        units: Iterable[Work],
        out: Path,
        shard: Shard | None = None,
        policy: Policy = "stop",
        maker: type[RowMaker[Any, Any]] = MriRows,
    ) -> None:
        shard, self.maker = shard or Shard(), maker
        self.plan = list(units)
        self.units = [unit for unit in self.plan if shard.has(unit)]
        self.paths = {id(unit): unit.file(out, shard) for unit in self.units}
        self.stores = {path: Store(path) for path in dict.fromkeys(self.paths.values())}
        self.stale = self._stale()
        if policy == "redo":
            planned = {work(unit.fields) for unit in self.units}
            for path, found in self.stale.items():
                self.stores[path].drop(each.row for each in found if work(each.row) in planned)
        self.policy = policy

    def missing(self) -> list[Work]:
        """Units that have no row yet."""
        return [unit for unit in self.units if not self._store(unit).holds(unit.identity)]

    def run(
        self, device: torch.device, *, seconds: float = float("inf"), on_row: Callable[[Row], None] = _quietly
    ) -> Tally:
        """Work in this process until all is done or `seconds` are over; a unit that has begun is finished.

        Raises InputError before any work if there are stale rows and the policy is to stop.
        """
        return self.run_by(HereEngine(device), UnitsWork(self.plan, self.maker), seconds=seconds, on_row=on_row)

    def run_by(
        self,
        engine: Engine,
        work: EngineWork,
        *,
        seconds: float = float("inf"),
        on_row: Callable[[Row], None] = _quietly,
    ) -> Tally:
        """The same by the workers of `engine`, to whom `work` makes the same plan; conditions are dealt out whole.

        Rows are written here alone, as they come. What fails is passed over.
        """
        self._check()
        began, missing = time.monotonic(), set(map(id, self.missing()))
        items = by_condition((i, unit) for i, unit in enumerate(self.plan) if id(unit) in missing)
        count, workers = Count(), min(engine.workers, len(items))
        with closing(engine.run(work, items, never, lambda: time.monotonic() - began > seconds)) as outcomes:
            for outcome in outcomes:
                assert isinstance(outcome.item, RowItem)
                unit = self.plan[outcome.item.units[0]]
                row = count.row(unit, outcome)
                if row is not None:
                    row["workers"] = workers
                    self._store(unit).add(row)
                    on_row(row)
        return count.tally(len(self.units), len(missing))

    def _store(self, unit: Work) -> Store:
        return self.stores[self.paths[id(unit)]]

    def _stale(self) -> dict[Path, list[Stale]]:
        sciences = {self.paths[id(unit)]: unit.suite.science for unit in self.units}
        weights = [unit.runner.weights for unit in self.units if unit.runner.weights is not None]
        hashes = {each["name"] or "": each["sha256"] for each in weights}
        found = {path: self.maker.stale(self.stores[path].rows, science, hashes) for path, science in sciences.items()}
        return {path: rows for path, rows in found.items() if rows}

    def _check(self) -> None:
        if self.policy != "stop" or not self.stale:
            return
        path, rows = next(iter(self.stale.items()))
        more = sum(map(len, self.stale.values()))
        raise InputError(
            f"{more} rows are stale, in {path.name} the first of {len(rows)}: {rows[0]}; --stale redo makes them "
            "anew, --stale keep leaves them beside the new ones"
        )


def progress(campaign: Campaign) -> Sequence[tuple[Path, int, int, int]]:
    """(file, units, units that are missing, stale rows) for every file of the campaign."""
    units = Counter(campaign.paths[id(unit)] for unit in campaign.units)
    missing = Counter(campaign.paths[id(unit)] for unit in campaign.missing())
    return [(path, n, missing[path], len(campaign.stale.get(path, ()))) for path, n in units.items()]
