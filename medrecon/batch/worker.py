"""A worker: a process that loads the prior once, then reads, reconstructs and writes what it is sent.

The three steps have a thread each with one place between them. Whether they ever overlap, the sender decides: as many
files as it gives before it waits for an outcome.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import Queue
from typing import Any, final

import torch

from medrecon.batch.discreet import hidden
from medrecon.batch.engine import Outcome
from medrecon.batch.manifest import hold
from medrecon.batch.plan import Item
from medrecon.batch.results import settle, size
from medrecon.batch.work import Steps, Work
from medrecon.errors import InputError

LOST = 70
"""Exit code of a worker whose device answers no more."""


@final
@dataclass(frozen=True)
class Refused:
    """Why a worker cannot begin."""

    reason: str


@final
@dataclass(frozen=True)
class Ready:
    """A worker has loaded what it needs."""


@final
@dataclass
class _Parcel:
    """An item on its way through the three steps."""

    item: Item
    given: Any = None
    made: Any = None
    reason: str | None = None
    began: float = field(default_factory=time.perf_counter)


def serve(sender: Connection, work: Work, device: str, threads: int, manifest: Path) -> None:
    """Work on what comes through `sender` until None comes, and answer each item with its `Outcome`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the sender decides what it means
    _leave_with_parent()
    try:
        held = hold(manifest)
    except OSError:
        return
    torch.set_num_threads(threads)
    try:
        steps = work.on(torch.device(device))
    except InputError as error:
        sender.send(Refused(str(error)))
        return
    sender.send(Ready())
    _work(sender, steps, threads)
    os.close(held)


def _work(sender: Connection, steps: Steps[Any, Any], threads: int) -> None:
    read: Queue[_Parcel | None] = Queue(1)
    made: Queue[_Parcel | None] = Queue(1)
    ends = [
        threading.Thread(target=_side, args=(threads, _read, sender, steps, read), daemon=True),
        threading.Thread(target=_side, args=(threads, _write, made, steps, sender), daemon=True),
    ]
    for end in ends:
        end.start()
    while (parcel := read.get()) is not None:
        _reconstruct(parcel, steps)
        made.put(parcel)
        del parcel  # or a volume would stay until the next one comes
    made.put(None)
    ends[1].join()


def _side(threads: int, step: Callable[..., None], *args: Any) -> None:
    """A thread beside the main one, with as many threads of its own: results depend on their number."""
    torch.set_num_threads(threads)
    try:
        step(*args)
    except (EOFError, OSError):  # the sender is gone
        os._exit(LOST)


def _read(sender: Connection, steps: Steps[Any, Any], read: Queue[_Parcel | None]) -> None:
    while (item := sender.recv()) is not None:
        parcel = _Parcel(item)
        with _Attempt(parcel):
            parcel.given = steps.read(item.path)
        read.put(parcel)
        del parcel
    read.put(None)


def _reconstruct(parcel: _Parcel, steps: Steps[Any, Any]) -> None:
    if parcel.reason is None:
        with _Attempt(parcel):
            parcel.made = steps.reconstruct(parcel.given)


def _write(made: Queue[_Parcel | None], steps: Steps[Any, Any], sender: Connection) -> None:
    while (parcel := made.get()) is not None:
        sender.send(_written(parcel, steps))
        del parcel


def _written(parcel: _Parcel, steps: Steps[Any, Any]) -> Outcome:
    item = parcel.item
    if parcel.reason is None:
        with _Attempt(parcel):
            item.out.parent.mkdir(parents=True, exist_ok=True)
            said = steps.write(parcel.given, parcel.made, item.out)
            settle(item.out)
            seconds = time.perf_counter() - parcel.began
            return Outcome(item, None, said.slices, size(item.out), seconds, said.warnings)
    return Outcome(item, parcel.reason)


@final
class _Attempt:
    """A `with` block whose failure becomes the parcel's reason, in one line that names nobody."""

    def __init__(self, parcel: _Parcel) -> None:
        self.parcel = parcel

    def __enter__(self) -> None:
        return

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> bool:
        if isinstance(error, torch.AcceleratorError):
            os._exit(LOST)  # its context is broken: whatever came next would fail too
        if not isinstance(error, Exception):
            return False
        self.parcel.reason = reason(error, self.parcel.item)
        self.parcel.given = self.parcel.made = None
        return True


def reason(error: Exception, item: Item) -> str:
    """Why an item failed. Messages of other libraries may quote headers: of these only kind and place are told."""
    if isinstance(error, InputError):
        here = item.path if item.path.is_dir() else item.path.parent
        said = str(error).replace(str(item.path), item.name).replace(f"{here}{os.sep}", "")
        return hidden(said.removeprefix(f"{item.name}: "), item.private)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "memory ran out; give fewer --workers, or a machine with more memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}; check the disk and its permissions"
    place = traceback.extract_tb(error.__traceback__)[-1]
    command = "the command for one file tells more"
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; {command}"


def _leave_with_parent() -> None:
    """End at once when the sender has ended, however it did."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(LOST)

    threading.Thread(target=watch, daemon=True).start()
