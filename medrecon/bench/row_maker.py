"""What a campaign asks of the modality that it measures: a row a unit of work, and which rows are stale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from traceback import clear_frames
from typing import Any, Generic, Protocol, TypeVar

import torch

from medrecon.bench.identity import Row
from medrecon.bench.stale import Stale


class Work(Protocol):
    """One row to be; `bench.plan.Unit` is that of MRI."""

    @property
    def suite(self) -> Any: ...

    @property
    def source(self) -> Any: ...

    @property
    def condition(self) -> Any: ...

    @property
    def runner(self) -> Any: ...

    @property
    def number(self) -> int:
        """Counts conditions over the whole plan, and with them the shards."""
        ...

    @property
    def fields(self) -> dict[str, Any]:
        """What the row says before anything is measured; its identity rests on these."""
        ...

    @property
    def identity(self) -> str: ...

    def file(self, out: Path, shard: Any) -> Path:
        """Where the row goes."""
        ...


Unit = TypeVar("Unit", bound=Work)
Case = TypeVar("Case")


class RowMaker(ABC, Generic[Unit, Case]):
    """Makes rows on `device`; keeps the case of the last condition, which the next unit most often shares."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._last: tuple[object, object] | None = None
        self._case: Case | Exception | None = None

    @abstractmethod
    def row(self, unit: Unit) -> Row:
        """Measure one unit. Raises InputError where its condition cannot be had."""

    @staticmethod
    @abstractmethod
    def stale(rows: Iterable[Row], science: tuple[str, ...], hashes: Mapping[str, str | None]) -> list[Stale]:
        """The stale ones of `rows` of a suite with this `science`; `hashes` are those of the weights at hand."""

    def prepared(self, unit: Unit) -> Case:
        """The case of the unit's suite and condition; an error of its making is raised for every unit."""
        key = (unit.suite.name, unit.condition)
        if self._last != key:
            self._last, self._case = key, None
            try:
                self._case = unit.suite.prepare(unit.source, unit.condition, self.device)
            except Exception as error:
                clear_frames(error.__traceback__)  # or a case that did not fit into memory would stay in it
                self._case = error
        if isinstance(self._case, Exception):
            raise self._case
        assert self._case is not None
        return self._case
