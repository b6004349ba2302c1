"""The campaign: units of work that are not done yet, one after another, until they or the time are spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import torch

from medrecon.bench.cases import PROTOCOL, Case
from medrecon.bench.identity import Row, work
from medrecon.bench.plan import Shard, Unit
from medrecon.bench.row_maker import RowMaker, Work
from medrecon.bench.stale import Stale, code_digest, commit, stale
from medrecon.bench.store import Store
from medrecon.errors import InputError
from medrecon.provenance import versions

Policy = Literal["stop", "keep", "redo"]


@dataclass(frozen=True)
class Tally:
    """How far a campaign is: units of this shard planned, done before, made now, impossible under their condition."""

    planned: int
    before: int
    made: int
    impossible: Mapping[str, int]

    @property
    def left(self) -> int:
        return self.planned - self.before - self.made - sum(self.impossible.values())


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
        self.units = [unit for unit in units if shard.has(unit)]
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
        """Work until all is done or `seconds` are over; a unit that has begun is finished.

        Raises InputError before any work if there are stale rows and the policy is to stop.
        """
        self._check()
        began, missing = time.monotonic(), self.missing()
        done, impossible = 0, Counter[str]()
        bench = self.maker(device)
        for unit in missing:
            if time.monotonic() - began > seconds:
                break
            try:
                row = bench.row(unit)
            except InputError as error:
                impossible[f"{unit.condition.scan}: {error}"] += 1
                continue
            self._store(unit).add(row)
            done += 1
            on_row(row)
        return Tally(len(self.units), len(self.units) - len(missing), done, impossible)

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
