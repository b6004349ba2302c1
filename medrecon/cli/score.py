"""`medrecon score`: one image against another, under a named protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from medrecon.cli.parse import parse

DESCRIPTION = """Score an image against a reference. MR: .h5 of medrecon or fastMRI, .npy or .nii.gz.
CT, in HU: a DICOM series (its folder), .nii.gz or .npy.

medrecon score image.h5 reference.h5 --protocol full-range

medrecon score denoised.nii.gz full-dose.nii.gz --protocol ct-chest"""
MRI = ("full-range", "fastmri")


@dataclass(frozen=True)
class Score:
    """Options of `medrecon score`."""

    pred: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PRED")]
    """The image to score."""
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TARGET")]
    """The image to score against."""
    protocol: Literal["full-range", "fastmri", "ct-full", "ct-chest", "ct-abdomen", "ct-head", "e-red", "e-core"] = (
        "full-range"
    )
    """MR: full-range, whole image and foreground; fastmri, centre-cropped to a square, scored as fastmri.evaluate does.
    CT: ct-full, all of 12 bits; ct-chest, ct-abdomen, ct-head, the windows -600/1500, 50/400, 40/80; e-red and e-core,
    those of RED-CNN and of CoreDiff."""


def run(argv: Sequence[str]) -> int:
    """Print the table of scores."""
    options = parse(Score, argv, "score", DESCRIPTION)
    from rich.console import Console

    console = Console(soft_wrap=True)
    if options.protocol in MRI:
        from medrecon.cli.report import print_scores
        from medrecon.evaluation import score_files

        found = score_files(options.pred, options.target, options.protocol)
        scores = {"protocol": found.protocol, "reference": options.target.name, "method": found.as_dict()}
        print_scores(console, scores, options.pred.name)
    else:
        from medrecon.cli.ct_report import print_ct_scores
        from medrecon.evaluation import score_volumes

        found = score_volumes(options.pred, options.target, options.protocol)
        console.print(f"reference: {options.target.name}")
        print_ct_scores(console, {"protocol": found.protocol, "method": found.as_dict()}, options.pred.name)
    return 0
