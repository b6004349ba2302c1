"""The engine of several machines: Ray actors, to which names of what is to be done go and from which no images come."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any, final

from medrecon.batch.cluster import ray
from medrecon.batch.engine import Engine, Outcome, never
from medrecon.batch.foreman import Crew, Foreman, Member, Said
from medrecon.batch.item import Item
from medrecon.batch.work import Work
from medrecon.batch.worker import Refused, attend

GONE = 10.0
"""Seconds in which an actor that was killed has to be gone."""


@final
@dataclass(frozen=True)
class RayEngine(Engine):
    """Actors of the cluster that this process has joined (`cluster.joined`).

    device : that of every actor, "cuda:0" the first of the GPUs that Ray shows it.
    gpus : share of a GPU that an actor takes.
    workers, ahead, slices : as a `Foreman` has them. Actors for which the cluster has no room wait for it.
    threads : CPU threads of each, as in `LocalEngine`.
    manifest : whose lock the workers hold, on a disk that all machines share; None where they write nothing.
    """

    manifest: Path | None
    device: str = "cpu"
    gpus: float = 0.0
    workers: int = 1
    threads: int = 1
    ahead: int = 0
    slices: int = 0

    def run(
        self, work: Work, items: Sequence[Item], stop: Callable[[], bool], enough: Callable[[], bool] = never
    ) -> Generator[Outcome, None, None]:
        foreman = Foreman(
            _Actors(self, work),
            items,
            places=1,
            workers=self.workers,
            ahead=self.ahead,
            slices=self.slices,
            enough=enough,
        )
        yield from foreman.run(stop)


@final
class Desk:
    """The actor: a worker whose pipe is two queues. `said` waits, so that the actor needs a thread for it."""

    def __init__(self, work: Work, device: str, threads: int, manifest: Path | None, folder: Path) -> None:
        self.inbox: Queue[Item | None] = Queue()
        self.outbox: Queue[Any] = Queue()
        try:
            os.chdir(folder)  # what the user's relative names begin at
        except OSError as error:
            why = f"{folder} is not to be had on {socket.gethostname()} ({error.strerror})"
            self.outbox.put(Refused(f"{why}; run on a disk that all machines share"))
            return
        args = (_Post(self.inbox, self.outbox), work, device, threads, manifest)
        threading.Thread(target=attend, args=args, daemon=True).start()

    def give(self, item: Item) -> None:
        """Put an item to those that are to be worked on."""
        self.inbox.put(item)

    def said(self) -> Any:
        """What the worker says next."""
        return self.outbox.get()

    def home(self) -> tuple[str, int]:
        """Its machine and process."""
        return socket.gethostname(), os.getpid()


@final
@dataclass(frozen=True)
class _Post:
    inbox: Queue[Item | None]
    outbox: Queue[Any]

    def recv(self) -> Item | None:
        return self.inbox.get()

    def send(self, obj: Any, /) -> None:
        self.outbox.put(obj)


@final
class _Actor(Member):
    """An actor, and what it is to say next."""

    def __init__(self, place: int, handle: Any) -> None:
        super().__init__(place)
        self.handle, self.next, self.home = handle, handle.said.remote(), handle.home.remote()

    def send(self, item: Item) -> None:
        self.handle.give.remote(item)

    def end(self) -> str:
        """Killed and waited for; on another machine for as long as its network needs."""
        home = self._answer(self.home, 0)
        ray().kill(self.handle)
        self._answer(self.next, GONE)
        if home is not None and home[0] == socket.gethostname():
            _wait_for_end(home[1])
        return "its Ray actor was lost"

    @staticmethod
    def _answer(ref: Any, seconds: float) -> Any:
        """What was asked for, None where nobody answers."""
        try:
            return ray().get(ref, timeout=seconds)
        except ray().exceptions.RayError:
            return None


@final
@dataclass(frozen=True)
class _Actors(Crew):
    engine: RayEngine
    work: Work

    def begin(self, place: int) -> Member:
        engine = self.engine
        actor = (
            ray()
            .remote(Desk)
            .options(
                num_cpus=engine.threads if engine.device == "cpu" else 1,
                num_gpus=engine.gpus,
                max_concurrency=3,  # said waits while items are given
                max_restarts=0,  # the foreman begins another, and knows what the lost one had
                scheduling_strategy="SPREAD",
            )
        )
        return _Actor(place, actor.remote(self.work, engine.device, engine.threads, engine.manifest, Path.cwd()))

    def heard(self, team: Sequence[Member], seconds: float) -> Iterator[tuple[Member, Said | None]]:
        library = ray()
        actors = {member.next: member for member in team if isinstance(member, _Actor)}
        done, _ = library.wait(list(actors), num_returns=1, timeout=seconds)
        for ref in done:
            try:
                said = library.get(ref)
            except library.exceptions.RayError:
                said = None
            else:
                actors[ref].next = actors[ref].handle.said.remote()
            yield actors[ref], said


def _wait_for_end(pid: int) -> None:
    end = time.monotonic() + GONE
    while time.monotonic() < end and Path(f"/proc/{pid}").exists():
        time.sleep(0.02)
