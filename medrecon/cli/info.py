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
    "Print what a scan, a CT volume or an MR series holds: matrix, voxel, sampling, noise level, HU, and how each was "
    "found."
)


@dataclass(frozen=True)
class Info:
    """Options of `medrecon info`."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """The scan: fastMRI .h5, ISMRMRD, BART .cfl, Siemens twix .dat, MATLAB .mat, plain .h5 or .npy; or a CT volume: a
    DICOM series (folder or one file of it), NIfTI; or the folder of an MR series in DICOM."""
    pick: Annotated[str | None, tyro.conf.arg(metavar="NAME=N,...", help_behavior_hint="")] = None
    """Which volume of a file that holds several, as for medrecon mri."""


def run(argv: Sequence[str]) -> int:
    """Print the facts, one a line."""
    options = parse(Info, argv, "info", DESCRIPTION)
    print("\n".join(_lines(options.file, options.pick)))
    return 0


def _lines(path: Path, pick: str | None) -> list[str]:
    from medrecon.io import describe, describe_volume, holds_volume, load, load_volume
    from medrecon.io.mr_images import is_mr_series
    from medrecon.io.mr_images_info import describe_mr_images

    if not holds_volume(path):
        return describe(load(path, pick=parse_pick(pick))).lines()
    if pick is not None:
        raise InputError(f"{path}: holds one volume; leave --pick out")
    return (describe_mr_images(path) if is_mr_series(path) else describe_volume(load_volume(path))).lines()
