"""The lattice that networks of latents leave: errors that every block of the codec shares.

python benchmarks/ct_lattice.py OUT.json [--data VAL.h5] [--prior METHOD=FILE ...] [--methods cold-latent one-step]
                                [--steps 1 2 5 10] [--doses 0.25 0.1] [--slices 10]

For every scan of the pack and both phantoms: standard deviation in HU over the 16 places of a block of 4 x 4 pixels of
the mean error there, in soft tissue (-150 to 150 HU of the reference) and in air (below -900 HU). `input` is what noise
alone does to such means: the low-dose scan's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from kept import write_json
from torch import Tensor
from torch.nn import functional as F

from medrecon.bench.ct.cases import CtCondition, ct_case
from medrecon.bench.ct.runners import INPUT, CtRunner, cast, takes
from medrecon.bench.ct.sources import ct_sources
from medrecon.bench.stale import commit
from medrecon.provenance import versions

PERIOD = 4
RANGES = {"soft tissue": (-150.0, 150.0), "air": (-2000.0, -900.0)}


def lattice_std(error: Tensor, inside: Tensor) -> float:
    """HU, of images `(slice, y, x)`, over pixels `inside`."""
    y, x = (n // PERIOD * PERIOD for n in error.shape[1:])
    errors, chosen = (F.pixel_unshuffle(v[:, None, :y, :x].double(), PERIOD) for v in (error, inside))
    means = (errors * chosen).sum((0, 2, 3)) / chosen.sum((0, 2, 3))
    return float(means.std(correction=0))


def lattices(error: Tensor, reference: Tensor) -> dict[str, float]:
    return {name: lattice_std(error, (reference > low) & (reference < high)) for name, (low, high) in RANGES.items()}


def runners(given: argparse.Namespace, device: torch.device) -> list[CtRunner]:
    methods, priors, without = cast(given.methods, dict(text.split("=", 1) for text in given.prior), device)
    print(*(f"left out: {reason}" for reason in without), sep="\n")
    found = [CtRunner(INPUT, {})]
    for method in methods:
        options: list[dict[str, Any]] = [{"steps": n} for n in given.steps] if takes(method, "steps") else [{}]
        found += [CtRunner(method, each, priors.get(method)) for each in options]
    return found


def main() -> None:
    given = arguments()
    device = torch.device(given.device)
    (sources, _), measured = ct_sources(given.data, ["chest", "abdomen"]), runners(given, device)
    rows: list[dict[str, Any]] = []
    for source in sources:
        for dose in given.doses:
            case = ct_case(source, CtCondition(source.name, dose, 0, given.slices), device)
            at = {"scan": source.name, "dose": dose, "slices": len(case.low), "reference": case.kind}
            for runner in measured:
                done = runner.solve(case.low, dose=dose, voxel_mm=case.voxel_mm, seed=0, device=device)
                said = {"method": runner.method, "options": runner.options, "weights": runner.weights}
                rows.append({**at, **said, **lattices(done.values - case.reference, case.reference)})
                print(rows[-1], flush=True)
    write_json({"device": str(device), "versions": versions(device), "commit": commit(), "rows": rows}, given.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--prior", nargs="*", default=[])
    parser.add_argument("--methods", nargs="*", default=["cold-latent", "one-step"])
    parser.add_argument("--steps", type=int, nargs="*", default=[1, 2, 5, 10])
    parser.add_argument("--doses", type=float, nargs="+", default=[0.25, 0.1])
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


if __name__ == "__main__":
    main()
