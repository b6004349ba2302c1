"""Ctrl-C as a question that long work asks itself, so that it ends at a step and not within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # SIGTERM is how schedulers of clusters take a machine back


@contextmanager
def first_interrupt() -> Iterator[Callable[[], bool]]:
    """Whether the user has pressed Ctrl-C, or the system asked to end, while the block runs; a second time ends it."""
    asked = False

    def note(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)
        asked = True

    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
