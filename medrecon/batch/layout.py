"""How a run lies on one machine: its devices, workers and threads, and how much is read ahead."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import final

import torch

from medrecon.errors import InputError

MOST_WORKERS = 4
"""On the CPU: each holds a volume."""
AHEAD = 2, 96
"""Files, or slices of small ones, that a worker on CUDA has beyond the one at work: some wait, some are written."""
LARGE_GPU = 2**35
"""Bytes of a GPU from which on two workers share it, so that one calibrates while the other samples."""


@final
@dataclass(frozen=True)
class Layout:
    """As `LocalEngine` takes them."""

    devices: tuple[str, ...]
    workers: int
    threads: int
    ahead: int = 0
    slices: int = 0

    @staticmethod
    def of(device: torch.device, *, workers: int | None = None, threads: int | None = None) -> Layout:
        """What suits `device`, all GPUs for "cuda" without a number, with what is asked for; raises InputError.

        On the CPU a worker has one thread for any number of workers, since results depend on it; on CUDA its share.
        """
        for name, value in (("workers", workers), ("threads", threads)):
            if value is not None and value < 1:
                raise InputError(f"--{name} is {value}; give at least 1")
        if device.type == "cpu":
            return Layout(("cpu",), workers or max(1, min(cores() // (threads or 1), MOST_WORKERS)), threads or 1)
        devices = (str(device),)
        if device.index is None:
            devices = tuple(f"{device.type}:{i}" for i in range(torch.cuda.device_count()))
        workers = workers or len(devices) * (2 if memory(device) >= LARGE_GPU else 1)
        return Layout(devices, workers, threads or max(1, torch.get_num_threads() // workers), *AHEAD)


def cores() -> int:
    """Of the CPU, those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory(device: torch.device) -> int:
    """Bytes of a GPU."""
    return torch.cuda.get_device_properties(device).total_memory
