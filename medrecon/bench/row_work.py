"""The work of a campaign as engines take it: a worker makes the plan anew, and then the rows that it is asked for.

Units hold networks and open files, and go to no other process; their places in the plan do.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch

from medrecon.batch.work import Steps, Written
from medrecon.batch.work import Work as EngineWork
from medrecon.bench.identity import Row
from medrecon.bench.items import RowItem
from medrecon.bench.row_maker import RowMaker, Work
from medrecon.errors import InputError


@final
@dataclass(frozen=True)
class Impossible:
    """Why a row cannot be had under its condition."""

    reason: str


@final
class RowSteps(Steps[RowItem, Work, Row | Impossible]):
    """Rows on one device. All is one step, so that no other one is at work while the clock runs."""

    def __init__(self, units: Sequence[Work], maker: RowMaker[Any, Any]) -> None:
        self.units, self.maker = units, maker

    def begin(self, item: RowItem) -> Work:
        return self.units[item.units[0]]

    def reconstruct(self, given: Sequence[Work]) -> list[Row | Impossible]:
        return [self._row(unit) for unit in given]

    def end(self, item: RowItem, given: Work, made: Row | Impossible) -> Written:  # noqa: ARG002
        return Written(found=made)

    def _row(self, unit: Work) -> Row | Impossible:
        try:
            return self.maker.row(unit)
        except InputError as error:
            return Impossible(str(error))


@final
@dataclass(frozen=True, eq=False)
class UnitsWork(EngineWork):
    """Units that are there, for an engine in the same process."""

    units: Sequence[Work]
    maker: type[RowMaker[Any, Any]]

    def on(self, device: torch.device) -> RowSteps:
        return RowSteps(self.units, self.maker(device))


@dataclass(frozen=True)
class BenchWork(EngineWork):
    """What the user asked for, from which every worker makes the same plan.

    digest : of the plan (`plan_digest`).
    """

    digest: str = ""

    @abstractmethod
    def planned(self, device: torch.device) -> Sequence[Work]:
        """Every unit, with networks on `device`; raises InputError."""

    @abstractmethod
    def maker(self, device: torch.device) -> RowMaker[Any, Any]:
        """Who makes its rows."""

    def on(self, device: torch.device) -> RowSteps:
        units = self.planned(device)
        if plan_digest(units) != self.digest:
            raise InputError(
                "a worker finds other scans or weights than those that the plan was made of; leave them as they are "
                "during a run, and give all machines the same"
            )
        return RowSteps(units, self.maker(device))


def plan_digest(units: Iterable[Work]) -> str:
    """Tells two plans apart."""
    digest = hashlib.blake2b(digest_size=8)
    for unit in units:
        digest.update(unit.identity.encode())
    return digest.hexdigest()
