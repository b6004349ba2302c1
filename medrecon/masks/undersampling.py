"""What a user asks of a fully sampled scan, in the words of the command line: a pattern by name, or a mask's file."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import final

from medrecon.errors import InputError
from medrecon.masks import mask_from_file, pattern
from medrecon.scan import Scan

DEFAULT_ACCEL = 4.0
MIN_ACS = 4  # the least that medrecon.calibration takes


@final
@dataclass(frozen=True)
class Undersampling:
    """How a fully sampled scan is undersampled; one that is undersampled already is left as it is.

    mask : a pattern's name or a file; unless given, random lines, with two phase axes Poisson disc.
    accel : net acceleration, 4 unless given.
    acs : fully sampled lines at the centre, by the acceleration unless given.
    seed : of the pattern.

    Raises InputError for what no scan could be asked for.
    """

    mask: str | None = None
    accel: float | None = None
    acs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.accel is not None and not (isfinite(self.accel) and self.accel >= 1):
            raise InputError(f"--accel is {self.accel}; give a finite number of at least 1")
        if self.acs is not None and self.acs < MIN_ACS:
            raise InputError(
                f"--acs is {self.acs}, smaller than the calibration kernel; give at least {MIN_ACS} lines, better 12"
            )
        if self.seed < 0:
            raise InputError(f"--seed is {self.seed}; give a whole number of at least 0")
        if self.file is not None and (self.accel is not None or self.acs is not None):
            raise InputError(f"--mask {self.mask} is a file and decides all samples; leave --accel and --acs out")

    @property
    def file(self) -> Path | None:
        """The mask's file: kinds of masks are plain words, whatever has an ending or a folder is a file."""
        path = None if self.mask is None else Path(self.mask)
        return path if path is not None and (path.suffix != "" or path.name != self.mask) else None

    def of(self, scan: Scan) -> Scan:
        """`scan` undersampled; raises InputError where it is undersampled already and something was asked for."""
        if not scan.is_fully_sampled:
            given = [name for name in ("accel", "mask", "acs") if getattr(self, name) is not None]
            if given:
                raise InputError(
                    f"{scan.name} is already undersampled (net {scan.net_acceleration:.2f}), so --{given[0]} means"
                    " nothing; leave it out: the scan is reconstructed as it is"
                )
            return scan
        if self.file is not None:
            return scan.undersample(mask_from_file(str(self.mask), scan))
        kind = self.mask or ("random" if len(scan.phase_axes) == 1 else "poisson")
        accel = DEFAULT_ACCEL if self.accel is None else self.accel
        return scan.undersample(pattern(kind, accel, self.acs, self.seed))
