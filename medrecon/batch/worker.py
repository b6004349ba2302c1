"""A worker: a process that loads the prior once, then begins, reconstructs and ends what it is sent.

The three steps have a thread each. Between the first and the device a few slices may wait, between the device and the
last one item. Whether they ever overlap, the sender decides: as many items as it gives before it waits for an outcome.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import Queue
from typing import Any, Protocol, final

import torch

from medrecon.batch.engine import Outcome
from medrecon.batch.item import Item
from medrecon.batch.locks import hold
from medrecon.batch.reasons import reason
from medrecon.batch.shelf import Shelf
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


class Sender(Protocol):
    """Who gives items and takes outcomes: a pipe, or an actor's two queues."""

    def recv(self) -> Item | None:
        """The next item, waited for; None at the end."""

    def send(self, obj: Any, /) -> None:
        """`Ready` or `Refused` first, then an outcome for each item."""


def serve(sender: Connection, work: Work, device: str, threads: int, manifest: Path | None) -> None:
    """Be a process that works for `sender`, its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the sender decides what it means
    _leave_with_parent()
    attend(sender, work, device, threads, manifest)


def attend(sender: Sender, work: Work, device: str, threads: int, manifest: Path | None) -> None:
    """Work on what comes through `sender` until None comes; ends the process where it cannot go on."""
    try:
        held = None if manifest is None else hold(manifest)
    except BlockingIOError:
        os._exit(LOST)  # the run is over already
    except OSError as error:
        sender.send(Refused(f"a worker cannot read {manifest} ({error.strerror}); give it the disk of the results"))
        return
    _side(threads, _begin, sender, work, torch.device(device), threads)
    if held is not None:
        os.close(held)


def _begin(sender: Sender, work: Work, device: torch.device, threads: int) -> None:
    if device.index is not None:
        torch.cuda.set_device(device)  # graphs are recorded on, and kernels launched to, the thread's own
    try:
        steps = work.on(device)
    except Exception as error:  # whatever it is, the next worker would meet it too
        said = (
            str(error) if isinstance(error, InputError) else f"a worker cannot begin: {type(error).__name__}, {error}"
        )
        sender.send(Refused(said))
        return
    sender.send(Ready())
    _work(sender, steps, threads)


def _work(sender: Sender, steps: Steps[Any, Any, Any], threads: int) -> None:
    read: Shelf[_Parcel] = Shelf(steps.together)
    made: Queue[_Parcel | None] = Queue(1)
    ends = [
        threading.Thread(target=_side, args=(threads, _read, sender, steps, read), daemon=True),
        threading.Thread(target=_side, args=(threads, _write, made, steps, sender), daemon=True),
    ]
    for end in ends:
        end.start()
    while parcels := read.take(steps.together):
        _reconstruct(parcels, steps)
        while parcels:  # and no longer held than it takes to hand them on
            made.put(parcels.pop(0))
    made.put(None)
    ends[1].join()


def _side(threads: int, step: Callable[..., None], *args: Any) -> None:
    """What a thread does, the main one too; each sets the number of its helpers, which results depend on."""
    torch.set_num_threads(threads)
    try:
        step(*args)
    except BaseException:  # the sender is gone; and a worker of which a thread has ended would keep it waiting
        os._exit(LOST)


def _read(sender: Sender, steps: Steps[Any, Any, Any], read: Shelf[_Parcel]) -> None:
    while (item := sender.recv()) is not None:
        parcel, slices = _Parcel(item), 0
        with _Attempt(parcel):
            parcel.given = steps.begin(item)
            slices = steps.slices(parcel.given)
        read.put(parcel, slices)
        del parcel  # or a volume would stay until the next one comes
    read.close()


def _reconstruct(parcels: Sequence[_Parcel], steps: Steps[Any, Any, Any]) -> None:
    """All at once; one by one where that fails, to find whose fault it is, or for want of memory."""
    sound = [parcel for parcel in parcels if parcel.reason is None]
    if len(sound) > 1 and _at_once(sound, steps):
        return
    for parcel in sound:
        with _Attempt(parcel):
            (parcel.made,) = steps.reconstruct([parcel.given])


def _at_once(parcels: Sequence[_Parcel], steps: Steps[Any, Any, Any]) -> bool:
    try:
        made = steps.reconstruct([parcel.given for parcel in parcels])
    except torch.AcceleratorError:
        os._exit(LOST)
    except Exception:
        return False
    for parcel, result in zip(parcels, made, strict=True):
        parcel.made = result
    return True


def _write(made: Queue[_Parcel | None], steps: Steps[Any, Any, Any], sender: Sender) -> None:
    while (parcel := made.get()) is not None:
        sender.send(_written(parcel, steps))
        del parcel


def _written(parcel: _Parcel, steps: Steps[Any, Any, Any]) -> Outcome:
    item = parcel.item
    if parcel.reason is None:
        with _Attempt(parcel):
            said = steps.end(item, parcel.given, parcel.made)
            seconds = time.perf_counter() - parcel.began
            return Outcome(item, None, said.slices, said.bytes, seconds, said.warnings, said.found)
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


def _leave_with_parent() -> None:
    """End at once when the sender has ended, however it did."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(LOST)

    threading.Thread(target=watch, daemon=True).start()
