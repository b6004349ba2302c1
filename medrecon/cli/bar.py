"""Progress with time left, on standard error, only where a person looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from medrecon.progress import OnStep, Progress, silent


@contextmanager
def progress_bar() -> Iterator[OnStep]:
    """A callback that draws one bar a stage while the block runs; it does nothing without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def step(p: Progress) -> None:
            if p.stage not in tasks:
                tasks[p.stage] = bars.add_task(p.stage, total=p.total)
            bars.update(tasks[p.stage], completed=p.done, total=p.total)

        yield step
