"""A Ray cluster, joined or begun on this machine, and how a run lies on it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

from medrecon.batch.layout import AHEAD, cores
from medrecon.errors import InputError

STORE = 80 * 2**20
"""Bytes of shared memory for a Ray that is begun here, near the least that it takes: no data passes through it."""

PATIENCE = 5.0
"""Seconds in which a cluster has to answer."""


def ray() -> Any:
    """The library; raises InputError where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when it is imported: nothing is to be reported
    try:
        return import_module("ray")
    except ImportError:
        raise InputError("--engine ray needs ray, which is not installed; pip install 'medrecon[cluster]'") from None


@contextmanager
def joined(cpus: int = 0) -> Iterator[dict[str, float]]:
    """The resources of the cluster that RAY_ADDRESS names or that runs on this machine; else of a Ray of its own.

    cpus : that one of its own counts at least, whatever the machine has.
    """
    library = ray()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    named = os.environ.get("RAY_ADDRESS", "")
    silent = f"RAY_ADDRESS is {named}, and no Ray answers there; begin one with ray start --head, or unset it"
    if not _answers(named):  # Ray itself would ask for many minutes
        raise InputError(silent)
    try:
        library.init(address="auto", **quiet)
    except ConnectionError:
        if named not in ("", "auto", "local"):
            raise InputError(silent) from None
        here = {"num_cpus": max(cores(), cpus), "object_store_memory": STORE, "include_dashboard": False}
        library.init(address="local", **here, **quiet)
    try:
        yield library.cluster_resources()
    finally:
        library.shutdown()


def _answers(address: str) -> bool:
    """Whether anybody does at HOST:PORT; an address of another form, or none, is left to Ray."""
    host, _, port = address.rpartition(":")
    if "/" in address or not port.isdecimal():
        return True
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except OSError:
        return False
    return True


def ray_layout(
    resources: dict[str, float], device: str, *, workers: int | None = None, threads: int | None = None
) -> dict[str, Any]:
    """What `RayEngine` takes, for "auto", "cpu" or "cuda"; a worker for each GPU, or for as many cores as it has
    threads. Raises InputError for a GPU by number, and for GPUs where the cluster has none.
    """
    for name, value in (("workers", workers), ("threads", threads)):
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}; give at least 1")
    gpus = int(resources.get("GPU", 0))
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device is {device}; with --engine ray give auto, cpu or cuda: Ray chooses among the GPUs")
    if device == "cuda" and not gpus:
        raise InputError("--device cuda asks for GPUs, and the Ray cluster has none; use --device auto")
    if device == "cpu" or not gpus:
        each = threads or 1
        return {"workers": workers or max(1, int(resources.get("CPU", 1)) // each), "threads": each}
    workers = workers or gpus
    share = 1.0 if workers <= gpus else 1 / -(-workers // gpus)
    each = threads or max(1, torch.get_num_threads() // workers)
    return {
        "device": "cuda:0", "gpus": share, "workers": workers, "threads": each, "ahead": AHEAD[0], "slices": AHEAD[1],
    }  # fmt: skip
