"""1-D patterns: whole readout lines along the phase axis."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.masks.acs import ARRAY_AXIS, default_acs
from medrecon.masks.pattern import Pattern
from medrecon.scan import Scan


@dataclass(frozen=True)
class LinePattern(Pattern):
    """A fully sampled centre and lines outside it that the subclass picks; net acceleration within one line.

    With two phase axes the lines run along the first and are picked along the last.
    Raises InputError where the acceleration leaves fewer lines than the centre has.
    """

    @abstractmethod
    def pick(self, position: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of `count` of the lines at `position` = k / k_max in [-1, 1], ascending, centre left out."""

    def __call__(self, scan: Scan) -> tuple[Tensor, float | None]:
        acquired = phase_lines(scan)
        n, lines = len(acquired), np.flatnonzero(acquired)
        count = self.sample_count(len(lines))
        centre = np.zeros(n, dtype=bool)
        centre[centred(n, self._acs_lines(len(lines), count))] = True
        centre &= acquired
        outer = np.flatnonzero(acquired & ~centre)
        position = (outer - n // 2) / max(np.abs(lines - n // 2).max(), 1)
        chosen = centre.copy()
        chosen[outer[self.pick(position, count - int(centre.sum()), self.generator())]] = True
        return spread_lines(chosen, scan), None

    def _acs_lines(self, n_lines: int, count: int) -> int:
        if count == n_lines:
            return n_lines
        acs = default_acs(self.accel, n_lines) if self.acs is None else self.acs
        if acs > count:
            raise InputError(
                f"acceleration {self.accel:g} leaves {count} of {n_lines} lines, fewer than the {acs} of the fully "
                "sampled centre; give a lower --accel or a smaller --acs"
            )
        return acs


def line_axis(scan: Scan) -> int:
    """Array axis along which 1-D patterns choose lines: the last phase axis."""
    return ARRAY_AXIS[scan.phase_axes[-1]]


def phase_lines(scan: Scan) -> np.ndarray:
    """Bool, one value a line: which lines along `line_axis` the protocol covers."""
    return np.asarray(scan.lattice.cpu().numpy().any(-3 - line_axis(scan)))


def spread_lines(chosen: np.ndarray, scan: Scan) -> Tensor:
    """`(y, x)` mask on the lattice from one value a line."""
    lines = torch.from_numpy(chosen).to(scan.lattice.device)
    return (lines[:, None] if line_axis(scan) == -2 else lines[None, :]) & scan.lattice
