"""What averaging gains on one estimate: draws of the posterior, estimates with noise, and mixtures of both.

python benchmarks/averaged_draws.py TUNE OUT.json [--prior mri-image-small] [--device cpu] [--slices 2] [--samples 8]

Tuning volumes under standard conditions at R 8 and 10, mask seed 0, by `dds`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from kept import write_json
from torch import Tensor

from medrecon.bench.cases import Case, calibrated, in_scan_units, scored, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.sources import sources
from medrecon.bench.stale import code_digest, commit
from medrecon.diffusion.prior import Prior
from medrecon.mri.dds import DDS
from medrecon.networks import load_prior
from medrecon.provenance import versions

ACCELS = (8.0, 10.0)
CALLS = 50
"""Of the estimate that the mean of draws is held against."""
NOISY = ((0.0, 0.6), (0.3, 0.6), (0.5, 0.6), (0.5, 0.4))
"""`amplitude` and `told` of estimates that are averaged."""


def images(case: Case, prior: Prior, samples: int) -> Iterator[tuple[str, Tensor]]:
    """What is compared, by name: complex images `(slice, y, x)`."""

    def solved(**options: Any) -> Tensor:
        return DDS(**options).solve(case.problem, prior=prior, seed=case.seed).samples

    estimate = solved(steps=CALLS)[0]
    drawn = solved(samples=samples).mean(0)
    yield "an estimate", solved()[0]
    yield f"an estimate, {CALLS} calls", estimate
    yield f"mean of {samples} draws", drawn
    yield f"a third of mean of {samples} draws, two of the {CALLS} calls' estimate", (drawn + 2 * estimate) / 3
    for amplitude, told in NOISY:
        some = solved(samples=samples, draws="estimate", amplitude=amplitude, told=told)
        yield f"mean of {samples} estimates, amplitude {amplitude:g}, told {told:g}", some.mean(0)


def rows(case: Case, accel: float, prior: Prior, samples: int) -> Iterator[dict[str, Any]]:
    for what, image in images(case, prior, samples):
        magnitude = in_scan_units(image, case.problem, case.scan).abs()
        found = scored(magnitude, case, slice(0, case.problem.n_slices))
        yield {"method": "dds", "options": {"image": what}, "accel": accel, "scan": case.scan.name, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tune", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image-small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--slices", type=int, default=2)
    parser.add_argument("--samples", type=int, default=8)
    options = parser.parse_args()
    device = torch.device(options.device)
    prior = load_prior(options.prior, device)
    head = {
        "device": str(device), "versions": versions(device), "commit": commit(), "code": code_digest("dds"),
        "prior": prior.name, "weights_sha256": prior.sha256, "protocol": "full-range", "reference": "simulated",
    }  # fmt: skip
    made: list[dict[str, Any]] = []
    for source in sources(options.tune)[0]:
        for accel in ACCELS:
            condition = Condition(source.name, 8, 40.0, options.slices, "random", accel, 0)
            case = calibrated(undersampled(source.scan(condition), condition), condition.seed, device)
            made += rows(case, accel, prior, options.samples)
            write_json({**head, "rows": made}, options.out)


if __name__ == "__main__":
    main()
