"""What the recipes of all CT networks share: what they leave, the distance of images, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from medrecon.errors import InputError
from medrecon.training.loop import LoopOptions, Trained

LOSSES = ("l1", "mse")


@dataclass(frozen=True, eq=False)
class TrainedCt:
    """Averaged weights of the network, and what one must know to use them."""

    weights: dict[str, Tensor]
    settings: dict[str, Any]
    run: Trained


def distance(found: Tensor, wanted: Tensor, loss: str) -> Tensor:
    """Mean absolute or mean square error."""
    error = found - wanted
    return error.abs().mean() if loss == "l1" else error.square().mean()


def check_common(size: int, batch: int, multiple: int, loop: LoopOptions, losses: Mapping[str, str]) -> None:
    """Raise InputError for options of which no run can come; `losses` by the name of their option."""
    if size < 1 or size % multiple:
        raise InputError(f"size is {size}; give a multiple of {multiple}, as the network needs")
    positive = {
        "batch": batch,
        "loop.warm_up": loop.warm_up,
        "loop.decay": loop.decay,
        "loop.learning_rate": loop.learning_rate,
        "loop.clip": loop.clip,
    }
    for name, value in positive.items():
        if not value > 0:
            raise InputError(f"{name} is {value}; give a number above 0")
    for name, value in {"loop.seconds": loop.seconds, "loop.steps": loop.steps, "loop.seed": loop.seed}.items():
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} is {value}; give a finite number of at least 0")
    for name, loss in losses.items():
        if loss not in LOSSES:
            raise InputError(f"{name} is '{loss}'; choose {' or '.join(LOSSES)}")


def check_share(**shares: float) -> None:
    """Raise InputError for what is no share from 0 to 1."""
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value}; give a share from 0 to 1")
