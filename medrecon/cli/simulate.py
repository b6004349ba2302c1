"""`medrecon simulate mri`: raw multi-coil k-space from a magnitude volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from medrecon.cli.parse import parse, parse_slices
from medrecon.io import check_writable

DESCRIPTION = """Simulate the raw data of a NIfTI magnitude volume: phase, coils, noise, written as a fastMRI file.
Volumes that were zero-filled before they were stored are first cropped to the matrix that was acquired.

medrecon simulate mri head.nii.gz -o scan.h5 --coils 8 --snr 40"""


@dataclass(frozen=True)
class SimulateMri:
    """Options of the simulator."""

    volume: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VOLUME")]
    """Magnitude volume, .nii or .nii.gz."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """Where the scan goes (.h5)."""
    coils: int = 8
    """Receive coils."""
    snr: float = 40.0
    """Mean foreground magnitude over the noise's standard deviation, per real component of the combined image."""
    seed: int = 0
    """Of coils, phase and noise."""
    slices: Annotated[str | None, tyro.conf.arg(metavar="A:B", help_behavior_hint="")] = None
    """Only these slices, counted from 0, the last one excluded."""


def run(argv: Sequence[str]) -> int:
    """Run the command and say what was found in the volume."""
    options = parse(SimulateMri, argv, "simulate mri", DESCRIPTION)
    check_writable(options.out, (".h5",))
    from medrecon.simulate.nifti import simulate_nifti

    print(
        simulate_nifti(
            options.volume,
            options.out,
            coils=options.coils,
            snr=options.snr,
            seed=options.seed,
            slices=parse_slices(options.slices),
        )
    )
    return 0
