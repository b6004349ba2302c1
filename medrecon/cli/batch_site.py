"""Where a batch runs: the processes of this machine, or the actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from medrecon.cli.device import resolve

if TYPE_CHECKING:
    import torch

    from medrecon.batch.engine import Engine


class Site(NamedTuple):
    """The kind of device, the threads of a worker, and the engine, which takes a manifest."""

    device: torch.device
    threads: int
    engine: Callable[..., Engine]


@contextmanager
def site(
    engine: Literal["local", "ray"], device: str, *, workers: int | None = None, threads: int | None = None
) -> Iterator[Site]:
    """The site that the options ask for, while the block runs; raises InputError where it is not to be had."""
    if engine == "ray":
        with _ray(device, workers, threads) as found:
            yield found
        return
    from medrecon.batch.layout import Layout
    from medrecon.batch.local import LocalEngine

    kind = resolve(device)
    layout = Layout.of(kind, workers=workers, threads=threads)
    yield Site(kind, layout.threads, partial(LocalEngine, **vars(layout)))


@contextmanager
def _ray(device: str, workers: int | None, threads: int | None) -> Iterator[Site]:
    import torch

    from medrecon.batch.cluster import joined, ray_layout
    from medrecon.batch.ray_engine import RayEngine

    with joined((workers or 0) * (threads or 1)) as resources:
        layout = ray_layout(resources, device, workers=workers, threads=threads)
        kind = "cuda" if layout.get("gpus") else "cpu"
        yield Site(torch.device(kind), layout["threads"], partial(RayEngine, **layout))
