"""Adam on one vector a slice, as a function of tensors, so that a step can be recorded as a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

EPSILON = 1e-8


@final
@dataclass(frozen=True)
class Adam:
    """Kingma and Ba 2015, algorithm 1; element by element, so that slices of a batch stay independent.

    beta : decays of the mean and of the mean square; AdaDiff's are the defaults.
    """

    rate: float
    beta: tuple[float, float] = (0.5, 0.9)

    def __call__(
        self, values: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, number: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(values, mean, square) after step `number`, a 0-d tensor that counts from 0."""
        first, second = self.beta
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient.square()
        count = (number + 1).to(values.dtype)
        root = (square / (1 - second**count)).sqrt() + EPSILON
        return values - self.rate * (mean / (1 - first**count)) / root, mean, square
