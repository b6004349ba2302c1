"""fastMRI's own 1-D masks, line by line those of the `fastmri` package for the same seed (Zbontar et al. 2018).

The acceleration is *nominal* here: the net factor differs and is what scans and tables print.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import Tensor

from medrecon.errors import InputError
from medrecon.masks.lines import phase_lines, spread_lines
from medrecon.masks.pattern import Pattern
from medrecon.scan import Scan


@dataclass(frozen=True)
class _FastMRI(Pattern):
    """Centre fraction 8 % below R = 8 and 4 % from there on, the challenge's settings, unless `acs` is given.

    The pattern is drawn over the whole width of the matrix, padding included.
    """

    @abstractmethod
    def outer(self, n: int, n_centre: int, rng: np.random.RandomState) -> np.ndarray:
        """Bool `(n,)`: lines drawn irrespective of the centre."""

    def __call__(self, scan: Scan) -> tuple[Tensor, float | None]:
        n = len(phase_lines(scan))
        n_centre = round(n * (0.08 if self.accel < 8 else 0.04)) if self.acs is None else self.acs
        if n_centre > n / self.accel:
            raise InputError(
                f"acceleration {self.accel:g} leaves {n / self.accel:.1f} of {n} lines, fewer than the {n_centre} "
                "of the fully sampled centre; give a lower --accel or a smaller --acs"
            )
        chosen = self.outer(n, n_centre, np.random.RandomState(self.seed))
        start = (n - n_centre + 1) // 2
        chosen[start : start + n_centre] = True
        return spread_lines(chosen, scan), float(self.accel)


@final
@dataclass(frozen=True)
class FastMRIRandom(_FastMRI):
    """`fastmri`'s RandomMaskFunc: every line by itself, n / R lines on average."""

    def outer(self, n: int, n_centre: int, rng: np.random.RandomState) -> np.ndarray:
        if n_centre == n:
            return np.ones(n, dtype=bool)
        return rng.uniform(size=n) < (n / self.accel - n_centre) / (n - n_centre)


@final
@dataclass(frozen=True)
class FastMRIEquispaced(_FastMRI):
    """`fastmri`'s EquiSpacedMaskFunc: every R-th line from a random offset, and the centre on top."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.accel != int(self.accel):
            raise InputError(f"fastmri-equispaced takes every R-th line, got R = {self.accel:g}; give a whole number")

    def outer(self, n: int, n_centre: int, rng: np.random.RandomState) -> np.ndarray:
        del n_centre
        spacing = int(self.accel)
        chosen = np.zeros(n, dtype=bool)
        chosen[rng.randint(0, spacing) :: spacing] = True
        return chosen
