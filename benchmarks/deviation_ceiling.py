"""How well any standard deviation could rank errors: draws' own, and that of an oracle who knows the error nearby.

python benchmarks/deviation_ceiling.py TUNE OUT.json [--prior mri-image-small] [--accel 4 8] [--slices 1] [--device cpu]

TUNE is a folder of tuning volumes or a pack of them. Spearman's correlation of |error| in the foreground with (a) the
standard deviation of eight draws of `dds`, its square averaged over Gaussians of several widths in pixels, and (b) the
square root of the error's own square, averaged alike: what a map would say that knows the truth at that resolution.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from calibrate_prior import simulated
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medrecon.bench.coverage import rank_correlation
from medrecon.bench.stale import commit
from medrecon.calibration import build_problem
from medrecon.diffusion.prior import Prior
from medrecon.evaluation.foreground import foreground_mask
from medrecon.io import write_json
from medrecon.masks import pattern
from medrecon.mri.dds import DDS
from medrecon.networks import load_prior
from medrecon.provenance import versions
from medrecon.scan import Scan

WIDTHS = (0.0, 1.5, 3.0, 6.0)
SAMPLES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image-small")
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device, rows = torch.device(options.device), []
    prior = load_prior(options.prior, device)
    for scan in simulated(options.volumes, options.slices):
        for accel in options.accel:
            rows += list(rows_of(scan, accel, prior, device))
            print(rows[-1], flush=True)
    write_json({
        "prior": prior.name, "weights_sha256": prior.sha256, "samples": SAMPLES, "device": device.type,
        "commit": commit(), "versions": versions(device), "rows": rows,
    }, options.out)  # fmt: skip


def rows_of(scan: Scan, accel: float, prior: Prior, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a slice."""
    assert scan.truth is not None
    problem = build_problem(scan.undersample(pattern("random", accel, None, 0)).to(device))
    drawn = DDS(samples=SAMPLES).solve(problem, prior=prior)
    images = (drawn.samples * problem.scale * problem.intensity).cpu()
    error = (images.mean(0).abs() - scan.truth).double().numpy()
    variance = images.abs().double().var(0, correction=0).numpy()
    for i, head in enumerate(foreground_mask(scan.truth).numpy()):
        found = {
            kind: {f"{width:g}": rank_correlation(error[i][head], _smoothed(square, width)[head]) for width in WIDTHS}
            for kind, square in (("draws", variance[i]), ("oracle", error[i] ** 2))
        }
        yield {"scan": scan.name, "slice": i, "accel": accel, **found}


def _smoothed(square: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    return np.sqrt(gaussian_filter(square, width) if width else square)


if __name__ == "__main__":
    main()
