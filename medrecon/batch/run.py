"""A run: what is left of a shard goes to an engine, and every outcome into the manifest before the next is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import final

from medrecon.batch.engine import Engine, Outcome
from medrecon.batch.leavings import clear, clear_strays
from medrecon.batch.manifest import Entry, Manifest
from medrecon.batch.plan import FileItem
from medrecon.batch.results import done_items
from medrecon.batch.work import Work


@final
@dataclass
class Tally:
    """How far a shard is: items in all, done before this run, done by it, failed in it."""

    planned: int
    before: int = 0
    done: int = 0
    failed: int = 0

    @property
    def left(self) -> int:
        return self.planned - self.before - self.done - self.failed


OnOutcome = Callable[[Outcome, Tally], None]


def left_of(folder: Path, items: Sequence[FileItem]) -> list[FileItem]:
    """Items that no manifest of `folder` has as done, in their order; failed ones are tried again.

    What killed runs have left is taken away: temporaries of all items, and outputs that no manifest knows of.
    """
    clear_strays(item.out for item in items)
    done = done_items(folder, items)
    left = [item for item in items if item.name not in done]
    clear([item.out for item in left])
    return left


def work_through(
    engine: Engine,
    work: Work,
    items: Sequence[FileItem],
    left: Sequence[FileItem],
    manifest: Manifest,
    *,
    on_outcome: OnOutcome,
    stop: Callable[[], bool],
) -> Tally:
    """Do what is `left` of `items`; failures are passed over, and `stop` ends the run between two outcomes."""
    tally = Tally(len(items), len(items) - len(left))
    with closing(engine.run(work, left, stop)) as outcomes:
        for outcome in outcomes:
            manifest.append(entry_of(outcome, manifest.path.parent))
            tally.failed += outcome.reason is not None
            tally.done += outcome.reason is None
            on_outcome(outcome, tally)
    return tally


def entry_of(outcome: Outcome, folder: Path) -> Entry:
    """The line of the manifest in `folder` that tells of an outcome."""
    item = outcome.item
    assert isinstance(item, FileItem)
    return Entry(
        file=item.name,
        out=item.out.relative_to(folder).as_posix(),
        status="done" if outcome.reason is None else "failed",
        slices=outcome.slices,
        bytes=outcome.bytes,
        seconds=round(outcome.seconds, 3),
        reason=outcome.reason,
        warnings=outcome.warnings,
    )
