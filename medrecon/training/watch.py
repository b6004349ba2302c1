"""What the rim may see of a run, and the one thing that it may ask for: an end at the next step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from medrecon.datasets.augmentation import Augmentation


class Entry(NamedTuple):
    """A row of the history: seconds and steps so far, mean loss since the last row, learning rate of the last step.

    `discriminator` is the mean loss of a second network that trains against the first.
    """

    seconds: float
    steps: int
    loss: float
    learning_rate: float
    discriminator: float | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The averaged weights after `step` steps, the settings to use them with, and a source of training images."""

    step: int
    weights: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    images: Augmentation


def _ignore(_: Any) -> None:
    pass


def _never() -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Watch:
    """Callbacks of a run.

    Attributes
    ----------
    on_resume : called with the step at which a run goes on from its checkpoint.
    on_history : called with the whole history whenever it has grown.
    on_snapshot : called with a `Snapshot` every `snapshot_every` seconds; the time it takes is not counted as training.
    stop : asked after every step; True ends the run with a checkpoint.
    """

    on_resume: Callable[[int], None] = _ignore
    on_history: Callable[[Sequence[Entry]], None] = _ignore
    on_snapshot: Callable[[Snapshot], None] = _ignore
    snapshot_every: float = math.inf
    stop: Callable[[], bool] = _never


UNWATCHED = Watch()
