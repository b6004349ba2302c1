"""`Foreman`: who deals items out and takes outcomes in, whatever the workers are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from math import ceil
from typing import final

from medrecon.batch.engine import Outcome, never
from medrecon.batch.item import Item
from medrecon.batch.worker import Ready, Refused
from medrecon.errors import InputError

TRIES = 3
"""Workers that one item may cost: then it has failed."""
TICK = 0.2
"""Seconds between two looks at `stop`."""
Said = Ready | Refused | Outcome


class Member(ABC):
    """A worker as the foreman sees it. `given` are the items that it has not answered yet, the oldest first.

    place : where it runs; another one for it begins there.
    """

    def __init__(self, place: int) -> None:
        self.place = place
        self.ready = False
        self.given: deque[Item] = deque()

    @property
    def slices(self) -> int:
        """Of all that it has; an item that does not tell counts as one."""
        return sum(item.slices or 1 for item in self.given)

    @abstractmethod
    def send(self, item: Item) -> None:
        """Give it an item; if it is gone, the next `Crew.heard` tells."""

    @abstractmethod
    def end(self) -> str:
        """Have it gone, whatever it does, before this returns; how it ended, in a few words."""


class Crew(ABC):
    """Where workers come from, and how they are heard."""

    @abstractmethod
    def begin(self, place: int) -> Member:
        """A new worker, who will say `Ready` or `Refused` before anything else."""

    @abstractmethod
    def heard(self, team: Sequence[Member], seconds: float) -> Iterator[tuple[Member, Said | None]]:
        """What members have said, None for one that is gone; waits so long at most, and then there may be nothing."""


@final
class Foreman:
    """One run: the team, and what is left for it.

    crew, places, workers : who works, in how many places by turns, and how many; no more than items are begun.
    ahead : items that a worker is given beyond the one that it works on, to read and write meanwhile; more, where all
        that it has are fewer slices than `slices`, but never more than its share of what is left.
    enough : whether nothing more is to be begun.
    """

    def __init__(
        self,
        crew: Crew,
        items: Sequence[Item],
        *,
        places: int,
        workers: int,
        ahead: int = 0,
        slices: int = 0,
        enough: Callable[[], bool] = never,
    ) -> None:
        self.crew, self.left = crew, deque(items)
        self.places, self.workers = places, min(workers, len(items))
        self.ahead, self.slices, self.enough = ahead, slices, enough
        self.team: list[Member] = []
        self.lost = Counter[str]()
        self.alone: set[str] = set()
        self.stillborn = 0

    def run(self, stop: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """As `Engine.run`."""
        try:
            for i in range(self.workers):
                self.team.append(self.crew.begin(i % self.places))
            while self.busy and not stop():
                self.deal()
                for member, said in self.crew.heard(self.team, TICK):
                    yield from self._answered(member, said)
        finally:
            for member in self.team:
                _end(member)

    @property
    def busy(self) -> bool:
        return any(member.given for member in self.team) or (bool(self.left) and not self.enough())

    def deal(self) -> None:
        """Give out what can be taken, to the least laden first."""
        while self.left and not self.enough():
            able = [member for member in self.team if member.ready and self._may_take(member)]
            if not able:
                return
            member = min(able, key=lambda member: (member.slices, len(member.given)))
            member.given.append(self.left.popleft())
            member.send(member.given[-1])

    def _answered(self, member: Member, said: Said | None) -> Iterator[Outcome]:
        if said is None:
            yield from self._replaced(member)
        elif isinstance(said, Refused):
            raise InputError(said.reason)
        elif isinstance(said, Ready):
            member.ready, self.stillborn = True, 0
        else:
            self._goes_on(member, member.given.popleft().rest)
            yield said

    def _goes_on(self, member: Member, rest: Item | None) -> None:
        """Give a worker the rest of an item, which needs what it has at hand."""
        if rest is None:
            return
        if self.enough():
            self.left.appendleft(rest)
            return
        member.given.append(rest)
        member.send(rest)

    def _may_take(self, member: Member) -> bool:
        """An item that may have cost a worker is worked on alone, so that it is known which one did."""
        if not member.given:
            return True
        if {item.name for item in (*member.given, self.left[0])} & self.alone:
            return False
        share = ceil((len(self.left) + sum(len(each.given) for each in self.team)) / len(self.team))
        few = len(member.given) <= self.ahead or member.slices < self.slices
        return few and len(member.given) < share

    def _replaced(self, member: Member) -> Iterator[Outcome]:
        """Another worker for one that is gone; what it had is done again."""
        how = _end(member)
        self.team.remove(member)
        failed = self._blamed(member, how)
        self.left.extendleft(reversed(member.given))
        if failed is not None:
            if failed.item.rest is not None:
                self.left.appendleft(failed.item.rest)
            yield failed
        if self.left:
            self.team.append(self.crew.begin(member.place))

    def _blamed(self, member: Member, how: str) -> Outcome | None:
        """The item that has now cost its last worker, if there is one."""
        if not member.ready:
            self.stillborn += 1
            if self.stillborn >= TRIES * len(self.team) + TRIES:
                raise InputError(f"workers end before they begin ({how}); give fewer --workers, or more memory")
        if len(member.given) > 1:
            self.alone |= {item.name for item in member.given}
        if len(member.given) != 1:
            return None
        item = member.given[0]
        self.lost[item.name] += 1
        if self.lost[item.name] < TRIES:
            return None
        member.given.clear()
        return Outcome(item, f"{TRIES} workers were lost over it ({how}); is there memory for it? give fewer --workers")


def _end(member: Member) -> str:
    """Take away what a worker has not told of, too: only the work of the moment is lost."""
    how = member.end()
    for item in member.given:
        item.clear()
    return how
