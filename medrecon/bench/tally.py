"""How far a campaign is, and what it could not do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from medrecon.batch.engine import Outcome
from medrecon.bench.identity import Row, condition_words
from medrecon.bench.row_maker import Work
from medrecon.bench.row_work import Impossible


@final
@dataclass(frozen=True)
class Failure:
    """Rows of one condition that failed for one reason: their methods, a row each."""

    condition: str
    reason: str
    methods: tuple[str, ...]


@final
@dataclass(frozen=True)
class Tally:
    """Units of this shard planned, done before, made now, impossible under their condition, and failed."""

    planned: int
    before: int
    made: int
    impossible: Mapping[str, int]
    failures: tuple[Failure, ...] = ()

    @property
    def failed(self) -> int:
        return sum(len(failure.methods) for failure in self.failures)

    @property
    def left(self) -> int:
        return self.planned - self.before - self.made - sum(self.impossible.values()) - self.failed


@final
class Count:
    """Outcomes of a run, as they come."""

    def __init__(self) -> None:
        self.made = 0
        self.impossible = Counter[str]()
        self.failed = defaultdict[tuple[str, str], list[str]](list)

    def row(self, unit: Work, outcome: Outcome) -> Row | None:
        """The row that has been made of `unit`, None where it has not."""
        if outcome.reason is not None:
            self.failed[condition_words(unit.fields), outcome.reason].append(unit.runner.method)
            return None
        if isinstance(outcome.found, Impossible):
            self.impossible[f"{unit.condition.scan}: {outcome.found.reason}"] += 1
            return None
        self.made += 1
        return outcome.found

    def tally(self, planned: int, missing: int) -> Tally:
        """Of `planned` units, of which so many were `missing` before."""
        failures = tuple(Failure(*key, tuple(methods)) for key, methods in self.failed.items())
        return Tally(planned, planned - missing, self.made, self.impossible, failures)
