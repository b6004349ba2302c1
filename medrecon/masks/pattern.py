"""`Pattern`: what all sampling patterns share - acceleration, centre, seed - and the draw without replacement."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from medrecon.errors import InputError
from medrecon.scan import Scan


@dataclass(frozen=True)
class Pattern(ABC):
    """Call it with a Scan to get its mask.

    Attributes
    ----------
    accel : net acceleration on the acquired lattice, centre counted; fastMRI's and HFS-SDE's own read it as nominal.
    acs : lines (2-D: side of the square) sampled fully at the centre, None for the default of evaluation.md 1.
    seed : of the pattern's own generator; global random state is never touched.
    """

    accel: float
    acs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.accel) and self.accel >= 1):
            raise InputError(f"acceleration is {self.accel}; give a finite number of at least 1")
        if self.acs is not None and self.acs < 0:
            raise InputError(f"the fully sampled centre has {self.acs} lines; give 0 or more")
        if self.seed < 0:
            raise InputError(f"mask seed is {self.seed}; give a whole number of at least 0")

    @abstractmethod
    def __call__(self, scan: Scan) -> tuple[Tensor, float | None]:
        """`(y, x)` bool mask and the nominal acceleration, None where the pattern has none of its own."""

    def sample_count(self, available: int, what: str = "lines") -> int:
        """How many of the `available` lines or points the acceleration leaves; InputError for none."""
        count = round(available / self.accel)
        if count < 1:
            raise InputError(f"acceleration {self.accel:g} leaves none of {available} {what}; give at most {available}")
        return count

    def generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(self.seed))


def weighted_draw(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of `count` elements drawn one after another without replacement with probability ~ weight.

    Every element gets a key log(u) / w and the largest keys win (Efraimidis and Spirakis 2006), which needs one
    uniform number an element and nothing that may change between versions of numpy.
    """
    keys = np.log1p(-rng.random(len(weights))) / weights
    return np.argsort(-keys, kind="stable")[:count]
