"""Where a batch runs: the processes of this machine, or the actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from medrecon.cli.batch_options import Batch
from medrecon.cli.device import resolve

if TYPE_CHECKING:
    import torch

    from medrecon.batch.engine import Engine


class Site(NamedTuple):
    """The kind of device, the threads of a worker, and the engine for a manifest."""

    device: torch.device
    threads: int
    engine: Callable[[Path], Engine]


@contextmanager
def site(options: Batch) -> Iterator[Site]:
    """The site that the options ask for, while the block runs; raises InputError where it is not to be had."""
    if options.engine == "ray":
        with _ray(options) as found:
            yield found
        return
    from medrecon.batch.layout import Layout
    from medrecon.batch.local import LocalEngine

    device = resolve(options.device)
    layout = Layout.of(device, workers=options.workers, threads=options.threads)
    yield Site(device, layout.threads, partial(LocalEngine, **vars(layout)))


@contextmanager
def _ray(options: Batch) -> Iterator[Site]:
    import torch

    from medrecon.batch.cluster import joined, ray_layout
    from medrecon.batch.ray_engine import RayEngine

    with joined((options.workers or 0) * (options.threads or 1)) as resources:
        layout = ray_layout(resources, options.device, workers=options.workers, threads=options.threads)
        kind = "cuda" if layout.get("gpus") else "cpu"
        yield Site(torch.device(kind), layout["threads"], partial(RayEngine, **layout))
