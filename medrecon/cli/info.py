"""`medrecon info`: what a file holds, as the reconstruction will see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from medrecon.cli.parse import parse

DESCRIPTION = "Print what a scan holds: coils, matrix, voxel, sampling, noise level and how each was found."


@dataclass(frozen=True)
class Info:
    """Options of `medrecon info`."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """The scan: fastMRI .h5, plain .h5 or .npy."""


def run(argv: Sequence[str]) -> int:
    """Print the facts, one a line."""
    options = parse(Info, argv, "info", DESCRIPTION)
    from medrecon.io import describe, load

    print("\n".join(describe(load(options.file)).lines()))
    return 0
