"""`Engine`: who works through a list of items, on one machine or many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import final

from medrecon.batch.plan import Item
from medrecon.batch.work import Work


@final
@dataclass(frozen=True)
class Outcome:
    """What became of an item: an output of so many slices and bytes, or the reason, in one line, why there is none."""

    item: Item
    reason: str | None = None
    slices: int = 0
    bytes: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


class Engine(ABC):
    """Deals items out to workers; nothing that it decides may show in an output."""

    @abstractmethod
    def run(self, work: Work, items: Sequence[Item], stop: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """One outcome an item, as they come; none any more once `stop` says so.

        An item whose worker is lost is given to another. When the generator is closed, no worker is left. Raises
        InputError where no worker can begin.
        """
