"""1-D random lines of Gaussian density."""

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.errors import InputError
from medrecon.masks.lines import LinePattern
from medrecon.masks.pattern import weighted_draw


@final
@dataclass(frozen=True)
class Gaussian(LinePattern):
    """Lines drawn without replacement; `width` is the density's standard deviation over k_max."""

    width: float = 1 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.width)

    def pick(self, position: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        return weighted_draw(gaussian_density(position**2, self.width), count, rng)


def gaussian_density(squared_radius: np.ndarray, width: float) -> np.ndarray:
    """exp(-r^2 / (2 width^2)), never so small that its logarithm is lost."""
    return np.exp(-np.minimum(squared_radius / (2 * width**2), 600.0))


def check_width(width: float) -> None:
    """Raises InputError unless the width is finite and positive."""
    if not 0 < width < np.inf:
        raise InputError(f"width of the Gaussian density is {width}; give a finite number above 0")
