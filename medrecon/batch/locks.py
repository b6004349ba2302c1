"""A run locks its manifest, and its workers hold the lock too, so that it is free when the last of them is gone."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from medrecon.errors import InputError

PATIENCE = 10.0
"""Seconds in which workers of a killed run, who notice it at once, have to be gone."""


def is_at_work(path: Path) -> bool:
    """Whether a run writes to this manifest."""
    file = os.open(path, os.O_RDONLY)
    try:
        return not _try_lock(file, fcntl.LOCK_EX)
    finally:
        os.close(file)


def hold(path: Path) -> int:
    """A file descriptor through which a worker keeps the lock of its run; raises BlockingIOError if that is over."""
    file = os.open(path, os.O_RDONLY)
    if not _try_lock(file, fcntl.LOCK_SH):
        raise BlockingIOError(f"{path} belongs to another run")
    return file


def lock(file: int, path: Path) -> None:
    """Alone at first, then shared with the run's own workers; raises InputError while another run has it."""
    end = time.monotonic() + PATIENCE
    while not _try_lock(file, fcntl.LOCK_EX):
        if time.monotonic() > end:
            raise InputError(f"{path}: another medrecon batch is at work there; wait for its end, or stop it")
        time.sleep(0.1)
    _try_lock(file, fcntl.LOCK_SH)


def _try_lock(file: int, kind: int) -> bool:
    """False if another holds it; file systems without locks give everything."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
