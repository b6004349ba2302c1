"""The engine of one process: items one after another where it was asked, without workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch

from medrecon.batch.engine import Engine, Outcome, never
from medrecon.batch.item import Item
from medrecon.batch.reasons import reason
from medrecon.batch.work import Steps, Work


@final
@dataclass(frozen=True)
class HereEngine(Engine):
    """The process itself, with the threads that it has; what would end a worker ends the run."""

    device: torch.device
    workers: int = field(default=1, init=False)

    def run(
        self, work: Work, items: Sequence[Item], stop: Callable[[], bool], enough: Callable[[], bool] = never
    ) -> Generator[Outcome, None, None]:
        if not items:
            return
        steps = work.on(self.device)
        for item in items:
            left: Item | None = item
            while left is not None:
                if stop() or enough():
                    return
                yield _outcome(left, steps)
                left = left.rest


def _outcome(item: Item, steps: Steps[Any, Any, Any]) -> Outcome:
    began = time.perf_counter()
    try:
        given = steps.begin(item)
        (made,) = steps.reconstruct([given])
        said = steps.end(item, given, made)
    except torch.AcceleratorError:  # its context is broken: whatever came next would fail too
        raise
    except Exception as error:
        return Outcome(item, reason(error, item))
    return Outcome(item, None, said.slices, said.bytes, time.perf_counter() - began, said.warnings, said.found)
