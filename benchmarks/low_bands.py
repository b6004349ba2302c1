"""Where the low band of `hfs` should come from, and how wide it should be.

python benchmarks/low_bands.py SCANS OUT.json [--prior mri-hfs] [--beside vp.safetensors] [--slices 1] [--seeds 0 1]

SCANS are tuning volumes, under standard conditions, or fully sampled k-space, whose first slices are taken. R 4 and 8.
--beside is a prior of whole images for `dds` on the same scans.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from kept import write_json
from torch import Tensor

from medrecon.bench.cases import Case, calibrated, in_scan_units, scored, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.low_band_error import low_band_error
from medrecon.bench.sources import sources
from medrecon.bench.stale import code_digest, commit
from medrecon.diffusion.prior import Prior
from medrecon.mri import hfs, method_class
from medrecon.mri.low_band import sampled_lines, sense_low_band
from medrecon.mri.tv_low_band import tv_low_band
from medrecon.networks import load_prior
from medrecon.operators.highpass import HighPass
from medrecon.problem import Problem
from medrecon.provenance import versions

Way = Callable[[Problem, HighPass], Tensor]
ACCELS = (4.0, 8.0)
WAYS: dict[str, Way] = {"SENSE": sense_low_band, "total variation": tv_low_band}
WIDTHS: dict[str, Callable[[int], int]] = {
    "all of the centre": lambda n: n,
    "half of it": lambda n: n - n // 2,
    "4 lines": lambda _: 4,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-hfs")
    parser.add_argument("--beside")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--slices", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    device = torch.device(given.device)
    prior = load_prior(given.prior, device)
    other = load_prior(given.beside, device) if given.beside else None
    rows = []
    for case, accel in cases(given, device):
        rows += [{**row, "accel": accel, "scan": case.scan.name} for row in rows_of(case, prior, other)]
        write_json({
            "device": str(device), "versions": versions(device), "commit": commit(), "code": code_digest("hfs"),
            "prior": prior.name, "weights_sha256": prior.sha256, "protocol": "full-range", "reference": case.kind,
            "rows": rows,
        }, given.out)  # fmt: skip


def cases(given: argparse.Namespace, device: torch.device) -> Iterator[tuple[Case, float]]:
    for source in sources(given.scans)[0]:
        measured = source.coils is not None
        for accel in ACCELS:
            for seed in given.seeds:
                condition = Condition(
                    source.name, source.coils or 8, None if measured else 40.0, given.slices, "random", accel, seed
                )
                yield calibrated(undersampled(source.scan(condition), condition), seed, device), accel


def rows_of(case: Case, prior: Prior, other: Prior | None) -> Iterator[dict[str, Any]]:
    for way, low_band in WAYS.items():
        for width, lines in WIDTHS.items():
            options = {"width": min(lines(sampled_lines(case.problem)), sampled_lines(case.problem))}
            yield {"method": "hfs", "options": {"low band": way, "width": width}, **row(case, prior, options, low_band)}
    if other is not None:
        yield {"method": "dds", "options": {"prior": other.name.replace(".safetensors", "")}, **row(case, other, {})}


def row(case: Case, prior: Prior, options: dict[str, int], low_band: Way = tv_low_band) -> dict[str, Any]:
    hfs.tv_low_band = low_band  # what `hfs` solves for its low band with
    method = method_class("hfs" if options else "dds")(**options)
    image = method.solve(case.problem, prior=prior, seed=case.seed).image
    found = scored(in_scan_units(image, case.problem, case.scan).abs(), case, slice(0, case.problem.n_slices))
    return {**found, "low_error": low_band_error(image, case, None, options["width"]) if options else None}


if __name__ == "__main__":
    main()
