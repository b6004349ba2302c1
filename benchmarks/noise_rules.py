"""Defaults of the classical methods: each option swept on simulated scans of the tuning volumes.

python benchmarks/noise_rules.py VOLUMES [--accel 2 4 8] [--slices 3] [--seeds 0] [--out FILE]

VOLUMES is a folder of NIfTI volumes. Standard conditions (8 coils, SNR 40, 1-D random masks, calibrated maps), mean
foreground PSNR; the file also names the best mean over all scans. What it holds already is passed over. Choose on
tuning volumes, report on others.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from kept import rows_so_far, write_json
from wavelet_vs_bart import commit, problems

from medrecon.evaluation import score
from medrecon.mri import method_class
from medrecon.provenance import versions

RESULTS = Path(__file__).parent / "results" / "noise_rules.json.xz"
SWEEPS: dict[str, list[dict[str, Any]]] = {
    "sense": [{"prior_variance": v, "iterations": n} for v in (0.005, 0.01, 0.02, 0.05) for n in (10, 20)],
    "spirit-linear": [{"iterations": n} for n in (10, 15, 20, 25, 30)],
    "wavelet": [{"noise_factor": c} for c in (0.1, 0.2, 0.3, 0.4, 0.6, 0.8)],
    "tv": [{"noise_factor": c} for c in (0.1, 0.15, 0.2, 0.3, 0.4, 0.6)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--accel", type=float, nargs="+", default=[2.0, 4.0, 8.0])
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = rows_so_far(options.out)
    held = {(r["scan"], r["accel"], r["seed"], r["method"], str(r["options"])) for r in rows}
    for name, condition, problem, truth in problems(options.volumes, options.accel, options.seeds, options.slices):
        for method, sweep in SWEEPS.items():
            for choice in sweep:
                if (name, condition["accel"], condition["seed"], method, str(choice)) in held:
                    continue
                start = time.perf_counter()
                image = method_class(method)(**choice).solve(problem).image * problem.intensity * problem.scale
                seconds = (time.perf_counter() - start) / len(truth)
                psnr = score(image.abs(), truth).mean["psnr_foreground"]
                rows.append({"scan": name, **condition, "method": method, "options": choice,
                             "psnr_foreground": round(psnr, 3), "seconds_per_slice": round(seconds, 3)})  # fmt: skip
                print(name[:30], condition, method, choice, f"{psnr:.2f} dB {seconds:.2f} s", flush=True)
    device = torch.device("cpu")
    head = {"protocol": "full-range", "reference": "simulated", "maps": "calibrated", "coils": 8, "snr": 40}
    write_json({**head, "device": "cpu", "commit": commit(), "versions": versions(device),
                "best": best(rows), "rows": rows}, options.out)  # fmt: skip


def best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """For each method the options with the highest mean over all scans and conditions."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        values[row["method"]][str(row["options"])].append(row["psnr_foreground"])
    means = {m: {o: sum(v) / len(v) for o, v in by.items()} for m, by in values.items()}
    return {m: {"options": max(by, key=by.__getitem__), "mean": round(max(by.values()), 3)} for m, by in means.items()}


if __name__ == "__main__":
    main()
