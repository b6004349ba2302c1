"""HFS-SDE's uniform masks, line by line those that its authors ship (Cao et al. 2024; specification 2.8).

The acceleration is *nominal* here: "10x" samples 54 of 320 lines, a net factor of 5.9, which scans and tables print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from torch import Tensor

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.masks.lines import phase_lines, spread_lines
from medrecon.masks.pattern import Pattern
from medrecon.scan import Scan

CENTRE = 24
"""Lines of the centre in most of their files; others have 16 to 22."""


@final
@dataclass(frozen=True)
class HfsUniform(Pattern):
    """A centre of 24 lines unless `acs` is given, and every R-th of the lines outside it, counted from the first.

    The seed changes nothing: there is one mask. Raises InputError for an R that is no whole number, and for a centre of
    more lines than the scan has.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.accel != int(self.accel):
            raise InputError(f"hfs-uniform takes every R-th line, got R = {self.accel:g}; give a whole number")

    def __call__(self, scan: Scan) -> tuple[Tensor, float | None]:
        acquired = phase_lines(scan)
        n, lines = len(acquired), int(acquired.sum())
        n_centre = CENTRE if self.acs is None else self.acs
        if n_centre > lines:
            raise InputError(
                f"the fully sampled centre of hfs-uniform has {n_centre} lines, but the scan has {lines}; give a "
                "smaller --acs"
            )
        chosen = np.zeros(n, dtype=bool)
        chosen[centred(n, n_centre)] = True
        chosen &= acquired
        chosen[np.flatnonzero(acquired & ~chosen)[:: int(self.accel)]] = True
        return spread_lines(chosen, scan), float(self.accel)
