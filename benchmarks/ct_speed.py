"""Seconds a slice of every CT method on slices of 512x512 (evaluation.md 8): one warm-up, then the median of five.

python benchmarks/ct_speed.py OUT.json [--prior METHOD=FILE ...] [--methods ...] [--slices 1 8] [--device cuda]

Methods that go by steps run at the bench's numbers of them. Ratios hold inside one file alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from kept import write_json

from medrecon.bench.ct.campaign import ct_code_digest
from medrecon.bench.ct.runners import INPUT, CtRunner, cast
from medrecon.bench.ct.sources import PIXEL_MM, PIXELS, SLICE_MM
from medrecon.bench.ct.suite import SAMPLES, STEPS
from medrecon.bench.stale import commit
from medrecon.instruments import reset_peak_memory
from medrecon.provenance import versions
from medrecon.simulate.ct.phantom import textured_phantom

REPEATS = 5
DOSE, NOISE_HU = 0.25, 25.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--prior", nargs="*", default=[])
    parser.add_argument("--slices", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--steps", type=int, nargs="*", help="in place of the bench's")
    parser.add_argument("--pixels", type=int, default=PIXELS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    device = torch.device(given.device)
    methods, priors, _ = cast(given.methods, dict(text.split("=", 1) for text in given.prior), device)
    rows: list[dict[str, Any]] = []
    for runner in runners([name for name in methods if name != INPUT], priors, given.steps):
        for slices in given.slices:
            rows.append(row(runner, slices, given.pixels, device))
            print(runner.method, runner.options, slices, f"{rows[-1]['seconds_per_slice']:.4f} s", flush=True)
            machine = {"device": str(device), "versions": versions(device), "commit": commit(), "rows": rows}
            write_json(machine, given.out)


def runners(methods: list[str], priors: dict, steps: list[int] | None) -> Iterator[CtRunner]:
    """Every method at its numbers of steps, one sample each; and the mean of several where it draws, at the fewest."""
    for method in methods:
        numbers = (steps or STEPS[method]) if method in STEPS else [None]
        for n in numbers:
            yield CtRunner(method, {"steps": n} if n else {}, priors.get(method))
        for samples in SAMPLES.get(method, ()):
            if samples > 1:
                yield CtRunner(method, {"steps": min(numbers), "samples": samples}, priors.get(method))


def row(runner: CtRunner, slices: int, pixels: int, device: torch.device) -> dict[str, Any]:
    """Median and all of the repeats, as the pipeline's own clock tells them: synchronised, loading left out."""
    image = textured_phantom(1, pixels, PIXEL_MM * PIXELS / pixels, level="abdomen").hu
    noise = NOISE_HU * np.random.default_rng(0).standard_normal((slices, pixels, pixels))
    low = image + torch.from_numpy(noise).float()
    how: dict[str, Any] = {"dose": DOSE, "voxel_mm": (SLICE_MM, PIXEL_MM, PIXEL_MM), "seed": 0, "device": device}
    runner.solve(low, **how)
    reset_peak_memory(device)
    done = [runner.solve(low, **how) for _ in range(REPEATS)]
    seconds = [each.seconds_per_slice for each in done]
    return {
        "method": runner.method, "options": dict(runner.options), "weights": runner.weights, "slices": slices,
        "matrix": [pixels, pixels], "network_calls": done[0].network_calls, "seconds_per_slice": median(seconds),
        "all_seconds": seconds, "peak_memory_mib": done[-1].peak_memory_mib, "code": ct_code_digest(runner.method),
    }  # fmt: skip


if __name__ == "__main__":
    main()
