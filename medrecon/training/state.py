"""What the loop and its checkpoints know of a run: of one network, or of two that train against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from medrecon.training.ema import EMA
from medrecon.training.watch import Entry


class State(Protocol):
    """Everything that the next step depends on, after `step` steps and `spent` seconds.

    `running` are the losses since the last entry of the history, `()` or `(networks,)` each; on the CPU the state alone
    decides every later bit.
    """

    ema: EMA
    generator: torch.Generator
    step: int
    spent: float
    history: list[Entry]
    running: list[Tensor]

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        ...

    @property
    def mean_loss(self) -> Tensor:
        """Mean of `running`; NaN where a weight is not finite, since then the next loss will not be, either."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Weights, averages and the optimisers' moments by name; averages begin with "ema."."""
        ...

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`; others are passed over."""
        ...
