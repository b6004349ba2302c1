"""1-D random lines: the project's standard sampling."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from medrecon.errors import InputError
from medrecon.masks.lines import LinePattern
from medrecon.masks.pattern import weighted_draw

WIDTH = 0.3


@dataclass(frozen=True)
class Random(LinePattern):
    """Lines outside the centre drawn without replacement.

    `density` "variable" weighs a line by exp(-(k / k_max)^2 / 0.3) (evaluation.md 1), "uniform" not at all.
    """

    density: Literal["variable", "uniform"] = "variable"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.density not in ("variable", "uniform"):
            raise InputError(f"unknown density '{self.density}'; choose 'variable' or 'uniform'")

    def pick(self, position: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        weights = np.exp(-(position**2) / WIDTH) if self.density == "variable" else np.ones_like(position)
        return weighted_draw(weights, count, rng)


@dataclass(frozen=True)
class Uniform(Random):
    """Random lines of uniform density."""

    density: Literal["variable", "uniform"] = "uniform"
