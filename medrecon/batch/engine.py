"""`Engine`: who works through a list of items, on one machine or many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, final

from medrecon.batch.item import Item
from medrecon.batch.work import Work


@final
@dataclass(frozen=True)
class Outcome:
    """What became of an item: an output of so many slices and bytes, or the reason, in one line, why there is none.

    found : of work that has something else to say than that it is done.
    """

    item: Item
    reason: str | None = None
    slices: int = 0
    bytes: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    found: Any = None


def never() -> bool:
    """An answer to `stop` and `enough`."""
    return False


class Engine(ABC):
    """Deals items out to workers; nothing that it decides may show in an output.

    workers : how many are at work at a time, at most.
    """

    workers: int

    @abstractmethod
    def run(
        self, work: Work, items: Sequence[Item], stop: Callable[[], bool], enough: Callable[[], bool] = never
    ) -> Generator[Outcome, None, None]:
        """One outcome an item and each `rest` of it, as they come; none any more once `stop` says so.

        Once `enough` says so nothing is begun, and what has begun is finished. An item whose worker is lost is given
        to another. When the generator is closed, no worker is left. Raises
        InputError where no worker can begin.
        """
