"""What `medrecon batch` prints: the plan, a line a file with the time left, and at the end what failed and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import final

from medrecon.batch.engine import Outcome
from medrecon.batch.plan import FileItem, Plan, Shard
from medrecon.batch.run import Tally
from medrecon.cli.report import RESEARCH_USE

MINUTE, HOUR = 60, 3600


@final
class Report:
    """Lines on standard output."""

    def __init__(self, plan: Plan, shard: Shard, items: Sequence[FileItem], left: Sequence[FileItem]) -> None:
        self.began = time.monotonic()
        self.left, self.unknown = _slices(left), _unknown(left)
        self.failures: list[Outcome] = []
        self.worked: list[int] = []
        part = "" if shard.count == 1 else f"; shard {shard}: {len(items)} files"
        before = f"; {len(items) - len(left)} done before" if len(left) < len(items) else ""
        silent = _unknown(plan.items)
        unknown = f"; {silent} of the files do not say how many they hold" if silent else ""
        _say(f"{len(plan.items)} files, {_slices(plan.items)} slices{unknown}{part}{before}")

    def line(self, outcome: Outcome, tally: Tally) -> None:
        """One file, and how far the run is."""
        item = outcome.item
        self._count(outcome)
        number = tally.planned - tally.left
        if outcome.reason is None:
            said = f"{item.name}: {outcome.slices} slices, {outcome.seconds:.1f} s"
        else:
            self.failures.append(outcome)
            said = f"{item.name}: FAILED, {outcome.reason}"
        far = f"{tally.before + tally.done} done, {tally.failed} failed, {tally.left} left{self._time_left(tally)}"
        _say(f"[{number}/{tally.planned}] {said} ({far})")
        for warning in outcome.warnings:
            _say(f"    warning: {warning}")

    def end(self, tally: Tally, manifest: Path) -> None:
        """The sum, and every failure once more."""
        seconds = time.monotonic() - self.began
        done = f"{tally.before + tally.done} of {tally.planned} files done, {tally.done} of them now"
        _say(f"{done} in {_duration(seconds)}; {tally.failed} failed, {tally.left} left; see {manifest}")
        for failure in self.failures:
            _say(f"failed: {failure.item.name}: {failure.reason}")
        _say(RESEARCH_USE)

    def _count(self, outcome: Outcome) -> None:
        """A file that could not be read took no time."""
        planned = outcome.item.slices
        self.left, self.unknown = self.left - (planned or 0), self.unknown - (planned is None)
        if slices := planned or outcome.slices:
            self.worked.append(slices)

    def _time_left(self, tally: Tally) -> str:
        """By slices; a file that does not say how many it holds is taken to have as many as those before."""
        if not tally.left or not self.worked:
            return ""
        worked = sum(self.worked)
        remaining = self.left + self.unknown * worked / len(self.worked)
        return f", about {_duration((time.monotonic() - self.began) / worked * remaining)} to go"


def _slices(items: Sequence[FileItem]) -> int:
    return sum(item.slices or 0 for item in items)


def _unknown(items: Sequence[FileItem]) -> int:
    return sum(item.slices is None for item in items)


def _duration(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h"


def _say(text: str) -> None:
    print(text, flush=True)
