"""One call of the image prior's network in each of its forms, and the share of the card that it reaches.

python benchmarks/network_forms.py OUT.json [--prior mri-image] [--pixels 320] [--batches 1 16] [--device cuda]

`plain` is the network as training has it, `fused` the form that CUDA takes, `compiled` the plain one behind
torch.compile, at the largest batch alone. Each is launched as it is and replayed from a graph as the sampler does it:
a warm-up, then the median of twenty. `difference` is from the plain network's estimate, relative to the noise that
this takes out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from mri_speed import as_run, gflop, matrix_rate, network_call, once
from torch import Tensor

from medrecon.bench.stale import commit
from medrecon.io import write_json
from medrecon.networks import EDMDenoiser, load_prior
from medrecon.provenance import versions

FORMS = ("plain", "fused", "compiled")
SIGMA = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image")
    parser.add_argument("--pixels", type=int, default=320)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    device = torch.device(given.device)
    prior = load_prior(given.prior, device)
    head: dict[str, Any] = {
        "device": str(device), "versions": versions(device), "commit": commit(), "prior": prior.name,
        "weights_sha256": prior.sha256, "matrix_product_tflops": matrix_rate(device), "compile_seconds": 0.0,
    }  # fmt: skip
    rows = []
    for row in measured(cast(EDMDenoiser, prior.denoise), given.pixels, given.batches, device):
        head["compile_seconds"] += row.pop("compile_seconds")
        rows.append(row)
        print(row, flush=True)
        write_json({**head, "rows": rows}, given.out)


def measured(denoiser: EDMDenoiser, n: int, batches: list[int], device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a form and batch; `compile_seconds` are those of a compiled form's first call."""
    plain, work = as_run(denoiser, "plain"), gflop(denoiser, n, device)
    for batch in batches:
        x, sigma = noisy(batch, n, device), torch.full((batch,), SIGMA, device=device)
        with torch.no_grad():
            reference = plain(x, sigma)
            for form in FORMS:
                if form == "compiled" and batch != max(batches):
                    continue
                run = as_run(denoiser, form)
                first = once(lambda run=run, x=x, sigma=sigma: run(x, sigma))
                launched, replayed = network_call(run, n, batch, device)
                yield {
                    "network": form, "batch": batch, "matrix": [n, n], "launched_seconds": launched,
                    "replayed_seconds": replayed, "gflop_per_slice": work,
                    "difference": relative(run(x, sigma) - reference, x - reference),
                    "compile_seconds": first if form == "compiled" else 0.0,
                }  # fmt: skip


def noisy(batch: int, n: int, device: torch.device) -> Tensor:
    """Complex noise of unit size, from the same seed for every form."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, n, n, generator=generator, dtype=torch.complex64).to(device)


def relative(change: Tensor, scale: Tensor) -> float:
    """||change|| / ||scale||."""
    return float(change.norm() / scale.norm())


if __name__ == "__main__":
    main()
