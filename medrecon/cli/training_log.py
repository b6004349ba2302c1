"""The log of a training run: a CSV file beside the weights, and TensorBoard where it is asked for."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, final

from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.training.watch import Entry

COLUMNS = ("seconds", "steps", "mean_loss", "learning_rate")
SECOND = "discriminator_loss"
"""A further column, where two networks train against each other."""
Log = Callable[[Sequence["Entry"]], None]


@final
class CsvLog:
    """Called with the whole history; the file then holds exactly that, also when a run goes on from a checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path, self.written = path, 0

    def __call__(self, history: Sequence[Entry]) -> None:
        with self.path.open("a" if self.written else "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            if not self.written:
                rows.writerow([*COLUMNS, SECOND] if history and history[0].discriminator is not None else COLUMNS)
            rows.writerows(_row(entry) for entry in history[self.written :])
        self.written = len(history)


@final
class TensorBoardLog:
    """The same as curves over the steps; needs the extra `logs`."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer, self.written = SummaryWriter(str(folder)), 0

    def __call__(self, history: Sequence[Entry]) -> None:
        for entry in history[self.written :]:
            self.writer.add_scalar("mean_loss", entry.loss, entry.steps)
            self.writer.add_scalar("learning_rate", entry.learning_rate, entry.steps)
            if entry.discriminator is not None:
                self.writer.add_scalar(SECOND, entry.discriminator, entry.steps)
        self.writer.flush()
        self.written = len(history)


def check_tensorboard() -> None:
    """Raise InputError where TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise InputError(
            "--tensorboard needs the package tensorboard; pip install 'medrecon[logs]', or leave it out: "
            "the CSV log is written in any case"
        )


def together(logs: Sequence[Log]) -> Log:
    """One log that feeds all."""

    def log(history: Sequence[Entry]) -> None:
        for each in logs:
            each(history)

    return log


def _row(entry: Entry) -> list[str]:
    numbers = [entry.loss, entry.learning_rate] + ([] if entry.discriminator is None else [entry.discriminator])
    return [f"{entry.seconds:.2f}", str(entry.steps), *(f"{number:.6g}" for number in numbers)]
