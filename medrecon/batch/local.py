"""The engine of one machine: spawned processes, each with a pipe of its own, so that none can block another."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import final

from medrecon.batch.engine import Engine, Outcome, never
from medrecon.batch.foreman import Crew, Foreman, Member, Said
from medrecon.batch.item import Item
from medrecon.batch.work import Work
from medrecon.batch.worker import serve

SPAWN = multiprocessing.get_context("spawn")


@final
@dataclass(frozen=True)
class LocalEngine(Engine):
    """Workers of this machine.

    devices : names of devices, to which workers are assigned in turn.
    workers, ahead, slices : as a `Foreman` has them.
    threads : CPU threads of each. Results on the CPU depend on it: it must not follow from the number of workers.
    manifest : whose lock the workers hold, None where they write nothing.
    """

    manifest: Path | None
    devices: tuple[str, ...] = ("cpu",)
    workers: int = 1
    threads: int = 1
    ahead: int = 0
    slices: int = 0

    def run(
        self, work: Work, items: Sequence[Item], stop: Callable[[], bool], enough: Callable[[], bool] = never
    ) -> Generator[Outcome, None, None]:
        foreman = Foreman(
            _Processes(self, work),
            items,
            places=len(self.devices),
            workers=self.workers,
            ahead=self.ahead,
            slices=self.slices,
            enough=enough,
        )
        yield from foreman.run(stop)


@final
class _Process(Member):
    """A process at the other end of a pipe."""

    def __init__(self, place: int, process: SpawnProcess, pipe: Connection) -> None:
        super().__init__(place)
        self.process, self.pipe = process, pipe

    def send(self, item: Item) -> None:
        try:
            self.pipe.send(item)
        except OSError:  # gone, as the next look at its pipe will tell
            return

    def end(self) -> str:
        self.pipe.close()
        self.process.kill()
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"


@final
@dataclass(frozen=True)
class _Processes(Crew):
    engine: LocalEngine
    work: Work

    def begin(self, place: int) -> Member:
        engine = self.engine
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(
            target=serve,
            args=(theirs, self.work, engine.devices[place], engine.threads, engine.manifest),
            daemon=True,
        )
        process.start()
        theirs.close()  # or its end would not be noticed
        return _Process(place, process, ours)

    def heard(self, team: Sequence[Member], seconds: float) -> Iterator[tuple[Member, Said | None]]:
        members = {member.pipe: member for member in team if isinstance(member, _Process)}
        for pipe in wait(list(members), seconds):
            assert isinstance(pipe, Connection)
            try:
                said = pipe.recv()
            except (EOFError, OSError):
                said = None
            yield members[pipe], said
