"""Score trained generators and DDPMs alike: by samples of their process and by estimates, on tuning volumes.

python benchmarks/score_ddgan_priors.py DATA benchmarks/results/ddgan_scores.json \
    --priors ddgan.safetensors l1.safetensors ddpm.safetensors [--slices 3] [--calls 12] [--ddpm-steps 100]

DATA is as in fdmr_cases.py; the scans are its group `tune`, 8 coils at SNR 40. A sample goes down the prior's own
levels with fresh noise, a data step at each: eight calls of a generator, --ddpm-steps of a DDPM. Estimates go down
without it, --calls of either: what `fdmr` does in stage 1, and `dds`. `dds` with eight calls is what train_ddgan.py
scores generators by. Rows are known by the sha256 of the weights and kept from one call to the next.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean

import torch
from fdmr_cases import Cases, Named
from fdmr_ddpm import ddpm
from torch import Tensor

from medrecon import weights
from medrecon.bench.cases import in_scan_units, scored
from medrecon.bench.stale import commit
from medrecon.diffusion.prior import Prior
from medrecon.io import write_json
from medrecon.mri.dds import DDS
from medrecon.mri.fdmr.method import Fdmr
from medrecon.mri.method import Method
from medrecon.networks import load_prior
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.problem import Problem
from medrecon.provenance import versions

ACCELS = (4.0, 8.0)
KINDS = ("sample", "estimate", "dds")
VALIDATED = 8
"""Calls of `dds` in train_ddgan.py: one a level."""
SCORE = "psnr_foreground"
Solve = Callable[[Problem], Tensor]


def main() -> None:
    given = arguments()
    device, code = torch.device(given.device), commit()
    cases = Cases(given.data, given.slices, device, tiny=given.tiny)
    held = json.loads(given.out.read_text())["rows"] if given.out.is_file() else []
    for kind in given.kinds:
        for file in given.priors:
            sha256 = weights.load(file)[2]
            calls, solve = solver(kind, load_prior(str(file), device), given.calls, given.ddpm_steps)
            row = {"sha256": sha256, "kind": kind, "calls": calls, "slices": given.slices}
            if any(row.items() <= each.items() for each in held):
                continue
            found = {f"{accel:g}": score(list(cases(("tune",), (accel,))), solve) for accel in ACCELS}
            print(file, kind, calls, found, flush=True)
            held = [each for each in held if (each["sha256"], each["kind"]) != (sha256, kind)]
            held.append({**row, SCORE: found})
            write_json({"versions": versions(device), "commit": code, "rows": held}, given.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--priors", type=Path, nargs="+", required=True)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--slices", type=int, default=3, help="of each volume")
    parser.add_argument("--calls", type=int, default=12, help="of estimates")
    parser.add_argument("--ddpm-steps", type=int, default=100, help="of its samples")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="one small volume, for a rehearsal")
    return parser.parse_args()


def solver(kind: str, prior: Prior, calls: int, ddpm_steps: int) -> tuple[int, Solve]:
    """Network calls a slice, and what makes the images of a problem."""
    generator = prior.denoise if isinstance(prior.denoise, DdganDenoiser) else None
    if kind == "dds":
        return VALIDATED, partial(_solved, DDS(steps=VALIDATED), prior)
    if kind == "sample" and generator is None:
        return ddpm_steps, lambda problem: ddpm(problem, prior, ddpm_steps, 0)
    if generator is None:
        return calls, partial(_solved, DDS(steps=calls), prior)
    if kind == "sample":
        return generator.schedule.steps, partial(_solved, Fdmr(mode="static", draws="posterior"), prior)
    return calls, partial(_solved, Fdmr(mode="static", draws="estimate", steps=calls), prior)


def _solved(method: Method, prior: Prior, problem: Problem) -> Tensor:
    return method.solve(problem, prior=prior).image


def score(cases: Sequence[Named], solve: Solve) -> float:
    """Mean foreground PSNR in dB over scans."""
    found = []
    for named in cases:
        case, problem = named.case, named.case.problem
        magnitude = in_scan_units(solve(problem), problem, case.scan).abs()
        found.append(scored(magnitude, case, slice(None))["mean"][SCORE])
    return mean(found)


if __name__ == "__main__":
    main()
