"""Where the time of a sampling step goes on the card: kernels by kind, for docs/performance.md.

python benchmarks/mri_profile.py OUT.json [--prior mri-image] [--network plain fused] [--steps 12]
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from mri_speed import as_run, random_scan
from torch.profiler import ProfilerActivity, profile

from medrecon.bench.stale import commit
from medrecon.calibration import build_problem
from medrecon.diffusion.prior import Prior
from medrecon.io import write_json
from medrecon.mri import method_class
from medrecon.networks import EDMDenoiser, load_prior
from medrecon.problem import Problem
from medrecon.provenance import versions

KINDS = {
    "convolutions": r"xmma_fprop|cutlass|conv|implicit_gemm",
    "bias, norm, modulation, SiLU in one pass": r"^_kernel",
    "norm": r"layer_norm|LayerNorm",
    "Fourier transforms": r"fft",
    "coil factors": r"addcmul",
    "factorisation, once": r"potrf|trsm|cholesky|gemm_cf32",
    "sums and dot products": r"reduce",
    "pixel by pixel": r"elementwise|copy|cat|index|gather",
}
"""Names of kernels; the first that fits counts."""


def kind(name: str) -> str:
    return next((label for label, words in KINDS.items() if re.search(words, name)), "other")


def seconds_by_kind(method: str, prior: Prior, problem: Problem, steps: int) -> dict[str, float]:
    """Seconds of all kernels of one solve, after a warm-up."""
    solver = method_class(method)(steps=steps)  # type: ignore[call-arg]
    solver.solve(problem, prior=prior)
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        solver.solve(problem, prior=prior)
        torch.cuda.synchronize()
    found: dict[str, float] = defaultdict(float)
    for event in seen.key_averages():
        found[kind(event.key)] += event.device_time_total / 1e6
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image")
    parser.add_argument("--network", nargs="+", choices=("plain", "fused"), default=["plain", "fused"])
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    device = torch.device("cuda")
    prior = load_prior(options.prior, device)
    n, coils, batch = 320, 15, 16
    problem = build_problem(random_scan(batch, coils, n, device))
    rows = [
        {"method": method, "network": network, "matrix": [n, n], "coils": coils, "batch": batch, "calls": options.steps,
         "seconds": seconds_by_kind(
             method, replace(prior, denoise=as_run(cast(EDMDenoiser, prior.denoise), network)), problem, options.steps
         )}
        for network in options.network for method in ("dds", "spirit")
    ]  # fmt: skip
    head = {"device": "cuda", "versions": versions(device), "commit": commit(), "prior": prior.name}
    write_json({**head, "weights_sha256": prior.sha256, "rows": rows}, options.out)
    for row in rows:
        print(row["method"], row["network"], {k: f"{1e3 * v:.1f} ms" for k, v in row["seconds"].items()}, flush=True)


if __name__ == "__main__":
    main()
