"""2-D patterns: single points of a plane with two phase axes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.masks.acs import MIN_ACS, usual_acs
from medrecon.masks.pattern import Pattern
from medrecon.scan import Scan


@dataclass(frozen=True)
class PointPattern(Pattern):
    """A fully sampled square at the centre and points outside it; the net acceleration is exact to one point.

    Raises InputError for a scan with a readout axis in the plane, whose lines are always read whole, and where the
    acceleration leaves fewer points than the square has.
    """

    @abstractmethod
    def pick(self, scan: Scan, centre: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Bool `(y, x)`: `count` points of the lattice outside `centre`."""

    def __call__(self, scan: Scan) -> tuple[Tensor, float | None]:
        if len(scan.phase_axes) < 2:
            raise InputError(
                f"a 2-D mask needs two phase axes, "
                f"but {scan.name} is phase encoded along {', '.join(scan.phase_axes)} only; "
                "choose a 1-D mask (random, uniform, equispaced, gaussian)"
            )
        lattice = scan.lattice.cpu().numpy()
        count = self.sample_count(int(lattice.sum()), "points")
        if count == lattice.sum():
            return scan.lattice.clone(), None
        centre = self._centre(lattice, count)
        outer = self.pick(scan, centre, count - int(centre.sum()), self.generator())
        return torch.from_numpy(centre | outer).to(scan.lattice.device), None

    def _centre(self, lattice: np.ndarray, count: int) -> np.ndarray:
        side = self._default_side(lattice, count) if self.acs is None else self.acs
        if side**2 > count or side > min(lattice.shape):
            raise InputError(
                f"acceleration {self.accel:g} leaves {count} of {lattice.sum()} points, fewer than the {side}x{side} "
                "of the fully sampled centre; give a lower --accel or a smaller --acs"
            )
        centre = np.zeros_like(lattice)
        centre[centred(lattice.shape[0], side), centred(lattice.shape[1], side)] = True
        return centre & lattice

    def _default_side(self, lattice: np.ndarray, count: int) -> int:
        """Side by the table of the 1-D rule; its square at most half of the samples, the side at least 8."""
        return max(min(usual_acs(self.accel), int((count / 2) ** 0.5), *lattice.shape), MIN_ACS)


def normalised_radius(lattice: np.ndarray) -> np.ndarray:
    """Squared k-space radius `(y, x)` with each axis in units of its largest acquired |k|."""
    squares = []
    for axis in (0, 1):
        k = np.arange(lattice.shape[axis]) - lattice.shape[axis] // 2
        largest = np.abs(k[lattice.any(1 - axis)]).max()
        squares.append((k / max(largest, 1)) ** 2)
    return squares[0][:, None] + squares[1][None, :]
