"""The engine of one machine: spawned processes, each with a pipe of its own, so that none can block another."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import final

from medrecon.batch.engine import Engine, Outcome
from medrecon.batch.plan import Item
from medrecon.batch.results import clear
from medrecon.batch.work import Work
from medrecon.batch.worker import Ready, Refused, serve
from medrecon.errors import InputError

TRIES = 3
"""Workers that one file may cost: then it has failed."""
TICK = 0.2
"""Seconds between two looks at `stop`."""
SPAWN = multiprocessing.get_context("spawn")


@final
@dataclass(eq=False)
class _Member:
    """A worker as the sender sees it. `given` are the items that it has not answered yet, the oldest first."""

    process: SpawnProcess
    pipe: Connection
    device: str
    ready: bool = False
    given: deque[Item] = field(default_factory=deque)

    @property
    def slices(self) -> int:
        """Of all that it has; an item that does not tell counts as one."""
        return sum(item.slices or 1 for item in self.given)

    def end(self) -> None:
        """Kill the process, and take away what it has not told of: only the work of the moment is lost."""
        self.pipe.close()
        self.process.kill()
        self.process.join()
        clear(self.given)


@final
@dataclass(frozen=True)
class LocalEngine(Engine):
    """Workers of this machine.

    devices : names of devices, to which workers are assigned in turn.
    workers : how many; no more than items are started.
    threads : CPU threads of each. Results on the CPU depend on it: it must not follow from the number of workers.
    ahead : how many items a worker is given beyond the one that it works on, to read and write meanwhile; more, where
        all that it has are fewer slices than `slices`, but never more than its share of what is left.
    manifest : whose lock the workers hold.
    """

    manifest: Path
    devices: tuple[str, ...] = ("cpu",)
    workers: int = 1
    threads: int = 1
    ahead: int = 0
    slices: int = 0

    def run(self, work: Work, items: Sequence[Item], stop: Callable[[], bool]) -> Generator[Outcome, None, None]:
        run = _Run(self, work, deque(items))
        try:
            run.team = [run.begin(i % len(self.devices)) for i in range(min(self.workers, len(items)))]
            while run.busy and not stop():
                run.deal()
                for pipe in wait([member.pipe for member in run.team], TICK):
                    yield from run.heard(next(member for member in run.team if member.pipe is pipe))
        finally:
            for member in run.team:
                member.end()


class _Run:
    """One run of the engine: the team, and what is left for it."""

    def __init__(self, engine: LocalEngine, work: Work, left: deque[Item]) -> None:
        self.engine, self.work, self.left = engine, work, left
        self.team: list[_Member] = []
        self.lost = Counter[str]()
        self.alone: set[str] = set()
        self.stillborn = 0

    @property
    def busy(self) -> bool:
        return bool(self.left) or any(member.given for member in self.team)

    def begin(self, device: int) -> _Member:
        """A new worker."""
        engine, name = self.engine, self.engine.devices[device]
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(
            target=serve, args=(theirs, self.work, name, engine.threads, engine.manifest), daemon=True
        )
        process.start()
        theirs.close()  # or its end would not be noticed
        return _Member(process, ours, name)

    def deal(self) -> None:
        """Give out what can be taken, to the least laden first."""
        while self.left:
            able = [member for member in self.team if member.ready and self._may_take(member)]
            if not able:
                return
            self._give(min(able, key=lambda member: (member.slices, len(member.given))))

    def heard(self, member: _Member) -> Iterator[Outcome]:
        """What a worker says, or that it is gone."""
        try:
            said = member.pipe.recv()
        except (EOFError, OSError):
            yield from self._replaced(member)
            return
        if isinstance(said, Refused):
            raise InputError(said.reason)
        if isinstance(said, Ready):
            member.ready, self.stillborn = True, 0
            return
        member.given.popleft()
        yield said

    def _may_take(self, member: _Member) -> bool:
        """An item that may have cost a worker is worked on alone, so that it is known which one did."""
        if not member.given:
            return True
        if {item.name for item in (*member.given, self.left[0])} & self.alone:
            return False
        share = ceil((len(self.left) + sum(len(each.given) for each in self.team)) / len(self.team))
        few = len(member.given) <= self.engine.ahead or member.slices < self.engine.slices
        return few and len(member.given) < share

    def _give(self, member: _Member) -> None:
        item = self.left.popleft()
        member.given.append(item)
        try:
            member.pipe.send(item)
        except OSError:  # gone, as the next look at its pipe will tell
            return

    def _replaced(self, member: _Member) -> Iterator[Outcome]:
        """Another worker for one that is gone; what it had is done again."""
        member.end()
        self.team.remove(member)
        failed = self._blamed(member)
        self.left.extendleft(reversed(member.given))
        if failed is not None:
            yield failed
        if self.left:
            self.team.append(self.begin(self.engine.devices.index(member.device)))

    def _blamed(self, member: _Member) -> Outcome | None:
        """The item that has now cost its last worker, if there is one."""
        if not member.ready:
            self.stillborn += 1
            if self.stillborn >= TRIES * len(self.team) + TRIES:
                raise InputError(
                    f"workers end before they begin ({_how(member)}); give fewer --workers, or more memory"
                )
        if len(member.given) > 1:
            self.alone |= {item.name for item in member.given}
        if len(member.given) != 1:
            return None
        item = member.given[0]
        self.lost[item.name] += 1
        if self.lost[item.name] < TRIES:
            return None
        member.given.clear()
        return Outcome(
            item, f"{TRIES} workers were lost over it ({_how(member)}); is there memory for it? give fewer --workers"
        )


def _how(member: _Member) -> str:
    """How a process ended."""
    code = member.process.exitcode or 0
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
