"""Scores of a folder as CSV: one row a volume, each with its protocol and reference."""

from __future__ import annotations

import csv
import math
from os import PathLike
from typing import TYPE_CHECKING

from medrecon.atomic import whole_file
from medrecon.io.writable import check_writable

if TYPE_CHECKING:
    from medrecon.evaluation.folders import FolderScores


def write_csv(found: FolderScores, path: str | PathLike[str]) -> None:
    """Write `path` whole or not at all; a score that a volume does not have is left empty, infinite PSNR is `inf`."""
    with whole_file(check_writable(path, (".csv",))) as temporary, temporary.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["volume", "slices", "protocol", "reference", "method", *found.names])
        for volume in found.volumes:
            facts = [volume.name, len(volume.scores.slices), found.protocol, found.reference, volume.method]
            rows.writerow([*facts, *("" if math.isnan(value) else value for value in volume.row.values())])
