"""`medrecon score`: one image against another, under a named protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from medrecon.cli.parse import parse

DESCRIPTION = """Score an image against a reference: .h5 of medrecon or fastMRI, .npy or .nii.gz.

medrecon score image.h5 reference.h5 --protocol full-range"""


@dataclass(frozen=True)
class Score:
    """Options of `medrecon score`."""

    pred: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PRED")]
    """The image to score."""
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TARGET")]
    """The image to score against."""
    protocol: Literal["full-range", "fastmri"] = "full-range"
    """full-range: whole image and foreground; fastmri: centre-cropped to a square, scored as fastmri.evaluate does."""


def run(argv: Sequence[str]) -> int:
    """Print the table of scores."""
    options = parse(Score, argv, "score", DESCRIPTION)
    from rich.console import Console

    from medrecon.cli.report import print_scores
    from medrecon.evaluation import score_files

    found = score_files(options.pred, options.target, options.protocol)
    scores = {"protocol": found.protocol, "reference": options.target.name, "method": found.as_dict()}
    print_scores(Console(soft_wrap=True), scores, options.pred.name)
    return 0
