"""`medrecon info`: what a file holds, as the reconstruction will see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from medrecon.cli.parse import parse, parse_pick
from medrecon.errors import InputError

DESCRIPTION = (
    "Print what a scan or a CT volume holds: matrix, voxel, sampling, noise level, HU, and how each was found."
)


@dataclass(frozen=True)
class Info:
    """Options of `medrecon info`."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """The scan: fastMRI .h5, ISMRMRD, BART .cfl, Siemens twix .dat, MATLAB .mat, plain .h5 or .npy; or a CT volume: a
    DICOM series (folder or one file of it), NIfTI."""
    pick: Annotated[str | None, tyro.conf.arg(metavar="NAME=N,...", help_behavior_hint="")] = None
    """Which volume of a file that holds several, as for medrecon mri."""


def run(argv: Sequence[str]) -> int:
    """Print the facts, one a line."""
    options = parse(Info, argv, "info", DESCRIPTION)
    from medrecon.io import describe, describe_volume, holds_volume, load, load_volume

    path = options.file
    if holds_volume(path) and options.pick is not None:
        raise InputError(f"{path}: holds one volume; leave --pick out")
    facts = (
        describe_volume(load_volume(path))
        if holds_volume(path)
        else describe(load(path, pick=parse_pick(options.pick)))
    )
    print("\n".join(facts.lines()))
    return 0
