"""`medrecon report`: a folder of results as one HTML page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated

import tyro

from medrecon.cli.bar import progress_bar
from medrecon.cli.parse import parse
from medrecon.errors import InputError

DESCRIPTION = """Write one HTML page over a folder of results: scores, worst and best slices with their errors, a slice
slider a volume, histograms, how each was made, warnings. It holds everything inside and opens without a network.

medrecon report results/ -o report.html"""
NAME = "report.html"
NOT_ALL = 1
"""Exit code where a file of the folder could not be shown."""


@dataclass(frozen=True)
class Report:
    """Options of `medrecon report`."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT_DIR")]
    """Results of medrecon mri -o, medrecon ct -o or medrecon batch; images other than .h5 with the record of --json
    beside them, under the same stem."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE", help_behavior_hint="")] = None
    """Where the page goes (.html); report.html in OUT_DIR unless given."""
    limit: Annotated[float, tyro.conf.arg(metavar="MIB")] = 16.0
    """MiB of all pictures together; where it is reached they are smaller and slices fewer, and the page says so."""
    hide_names: bool = False
    """Number the volumes instead of calling them by the names of their files."""


def run(argv: Sequence[str]) -> int:
    """Write the page; 1 if a file of the folder could not be shown."""
    options = parse(Report, argv, "report", DESCRIPTION)
    if not (isfinite(options.limit) and options.limit > 0):
        raise InputError(f"--limit is {options.limit:g}; give the MiB that pictures may take, such as 16")
    if not options.folder.is_dir():
        raise InputError(f"{options.folder} is no folder; give one that holds results")
    from medrecon.report import ReportOptions, write_report

    path = options.folder / NAME if options.out is None else options.out
    with progress_bar() as on_step:
        written = write_report(options.folder, path, ReportOptions(options.limit, options.hide_names), on_step)
    size = path.stat().st_size / 2**20
    print(f"wrote {path} ({size:.1f} MiB): {len(written.results)} volume(s); open it in a browser")
    for name, reason in written.left_out:
        print(f"left out {name}: {reason}", file=sys.stderr)
    return NOT_ALL if written.left_out else 0
