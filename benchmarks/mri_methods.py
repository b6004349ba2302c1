"""Every MRI method on simulated scans of held-out subjects, or on raw k-space: one row a (method, condition).

python benchmarks/mri_methods.py VOLUMES OUT.json [--accel 4 8] [--mask random] [--seeds 0 1] [--slices 10]
                                 [--prior NAME ...] [--runs RUNS.json] [--device cuda] [--seconds 500]

VOLUMES is a folder of NIfTI volumes, a pack of them, or one k-space file (.h5). Rows are written after each condition;
a condition that OUT.json already holds is passed over, so that a run that was cut short goes on where it stopped.
RUNS.json replaces the standard list: [["dds", {"steps": 20}], ["wavelet", {"noise_factor": 0.3}], …].
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from medrecon.calibration import build_problem
from medrecon.crop import centre_crop
from medrecon.datasets.pack import every_volume
from medrecon.evaluation import reference_image, score
from medrecon.evaluation.residual import residuals
from medrecon.io import load, write_json
from medrecon.masks import pattern
from medrecon.mri import method_class
from medrecon.networks import load_prior
from medrecon.provenance import versions
from medrecon.scan import Scan
from medrecon.simulate.scan import evaluation_slices, simulate_scan

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Multiples of the noise rule tried for each baseline; the best of them by the truth is a row of the tables."""
CLASSICAL = ("zero-filled", "sense", "spirit-linear")


def standard_runs(steps: int = 50) -> list[tuple[str, dict[str, Any]]]:
    runs: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in CLASSICAL]
    for name in ("wavelet", "tv"):
        rule = method_class(name)().noise_factor  # type: ignore[attr-defined]
        runs += [(name, {"noise_factor": rule * m}) for m in WEIGHTS]
    return [*runs, ("dds", {"steps": steps}), ("spirit", {"steps": steps})]


def scans(source: Path, n_slices: int) -> Iterator[Scan]:
    """Fully sampled scans under evaluation.md's standard conditions: 8 coils, SNR 40, ten slices a volume."""
    if source.suffix == ".h5" and "kspace" in _keys(source):
        yield load(source)
        return
    for volume in every_volume(source):
        z, y, x = volume.voxel_mm
        chosen = evaluation_slices(len(volume.values), n_slices)
        yield simulate_scan(volume.values.numpy(), (y, x), slice_mm=z, slices=chosen, name=volume.name)


def rows(scan: Scan, condition: dict[str, Any], runs: list, priors: dict, device: torch.device) -> list[dict[str, Any]]:
    """All runs on one scan under one mask."""
    under = scan.undersample(pattern(condition["mask"], condition["accel"], None, condition["seed"]))
    reference, kind = reference_image(under)  # type: ignore[misc]
    _synchronise(device)
    start = time.perf_counter()
    problem = build_problem(under.to(device))
    _synchronise(device)
    calibration = (time.perf_counter() - start) / scan.n_slices
    found = []
    for name, options in runs:
        method = method_class(name)(**options)
        for prior in priors.values() if method.needs_prior else [None]:
            start = time.perf_counter()
            solution = method.solve(problem, prior=prior, seed=condition["seed"])
            _synchronise(device)
            seconds = (time.perf_counter() - start) / scan.n_slices
            image = (solution.image * problem.scale * problem.intensity).abs().cpu()
            image = image if scan.crop is None else centre_crop(image, scan.crop)
            row = {
                **condition,
                "scan": scan.name,
                "matrix": list(scan.matrix),
                "coils": scan.n_coils,
                "net_acceleration": under.net_acceleration,
                "acs": list(problem.acs),
                "method": name,
                "options": options,
                "weights": prior and {"name": prior.name, "sha256": prior.sha256},
                "protocol": "full-range",
                "reference": kind,
                **score(image, reference, "full-range").as_dict(),
                "residual": residuals(problem, solution.image).mean().item(),
                "network_calls": solution.calls,
                "seconds_per_slice": seconds,
                "calibration_seconds_per_slice": calibration,
            }
            found.append(row)
            _report(row)
    return found


def _report(row: dict[str, Any]) -> None:
    mean, prior = row["mean"], row["weights"]["name"] if row["weights"] else ""
    print(
        f"{row['scan'][:28]:28s} R{row['accel']} s{row['seed']} {row['method']:13s} "
        f"{json.dumps(row['options'])[:40]:40s} {prior[:16]:16s} "
        f"fg {mean['psnr_foreground']:6.2f} psnr {mean['psnr']:6.2f} ssim {mean['ssim']:.3f} "
        f"res {row['residual']:.2f} {row['seconds_per_slice']:6.2f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--mask", default="random")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--prior", nargs="+", default=["mri-image"])
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=500.0)
    options = parser.parse_args()
    device, began = torch.device(options.device), time.monotonic()
    runs = json.loads(options.runs.read_text()) if options.runs else standard_runs()
    priors = {name: load_prior(name, device) for name in options.prior}
    done = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    head = {"commit": _commit(), "device": str(device), "versions": versions(device), "snr": 40, "coils": 8}
    for scan in scans(options.source, options.slices):
        for accel in options.accel:
            for seed in options.seeds:
                condition = {"mask": options.mask, "accel": accel, "seed": seed}
                if any(r["scan"] == scan.name and all(r[k] == v for k, v in condition.items()) for r in done):
                    continue
                if time.monotonic() - began > options.seconds:
                    print("time is up; call again to go on")
                    return
                done += rows(scan, condition, runs, priors, device)
                write_json({**head, "rows": done}, options.out)


def _keys(path: Path) -> list[str]:
    import h5py

    with h5py.File(path) as file:
        return list(file)


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
