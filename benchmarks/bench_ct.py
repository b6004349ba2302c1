"""`medrecon bench ct` for a machine that has torch, numpy, scipy, h5py, scikit-image and safetensors alone.

python benchmarks/bench_ct.py NAME [--data VAL.h5] [--prior METHOD=FILE ...] [--methods ...] [--seconds S]

VAL.h5 is a pack of volumes (medrecon data pack-ct); options mean what those of the command mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from medrecon.bench.campaign import Campaign
from medrecon.bench.ct.campaign import CtRows, ct_plan
from medrecon.bench.ct.runners import cast
from medrecon.bench.ct.sources import ct_sources
from medrecon.bench.ct.suite import CtChoice
from medrecon.bench.plan import Shard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--phantoms", nargs="*", default=["chest", "abdomen"])
    parser.add_argument("--doses", type=float, nargs="+", default=[0.25, 0.1])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--prior", nargs="*", default=[])
    parser.add_argument("--steps", type=int, nargs="*")
    parser.add_argument("--samples", type=int, nargs="*")
    parser.add_argument("--few", type=int, default=2)
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--stale", choices=("stop", "keep", "redo"), default="stop")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    device = torch.device(given.device)
    sources, left_out = ct_sources(given.data, given.phantoms)
    methods, priors, without = cast(given.methods, dict(text.split("=", 1) for text in given.prior), device)
    print(*(f"left out: {reason}" for reason in (*left_out, *without)), sep="\n", flush=True)
    choice = CtChoice(methods, tuple(given.steps or ()) or None, tuple(given.samples or ()) or None, given.few)
    units = ct_plan(sources, given.doses, given.seeds, given.slices, choice, priors)
    shard = Shard(*map(int, given.shard.split("/")))
    campaign = Campaign(units, given.name, shard, given.stale, CtRows)
    tally = campaign.run(device, seconds=given.seconds, on_row=said)
    print(tally, flush=True)
    if tally.failed:
        raise SystemExit(1)


def said(row: dict) -> None:
    """One line a row."""
    mean, seconds = row["mean"], row["seconds_per_slice"] or 0.0
    print(
        row["scan"], row["dose"], row["method"], row["options"], f"RMSE {mean['rmse']:.2f} {seconds:.3f} s", flush=True
    )


if __name__ == "__main__":
    main()
