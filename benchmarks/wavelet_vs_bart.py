"""`wavelet` against BART's `pics -l1` on simulated scans: same mask, maps and k-space, 100 iterations each.

python benchmarks/wavelet_vs_bart.py VOLUMES [--accel 4 8] [--slices 10] [--seeds 0] [--seconds 500] [--out FILE]

VOLUMES is a folder of NIfTI volumes; `bart` must be on the path (Debian: apt-get install bart). Conditions and scores
of evaluation.md: 8 coils, SNR 40, calibrated maps, mean foreground PSNR. Each row is one (scan, condition, program,
weight); the summary takes each program's best weight per acceleration. What the file holds already is passed over.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kept import rows_so_far, write_json
from torch import Tensor

from medrecon.calibration import build_problem
from medrecon.evaluation import score
from medrecon.masks import pattern
from medrecon.mri.wavelet import Wavelet
from medrecon.problem import Problem
from medrecon.provenance import versions
from medrecon.simulate.nifti import load_volume
from medrecon.simulate.scan import evaluation_slices, simulate_scan

RESULTS = Path(__file__).parent / "results" / "wavelet_vs_bart.json.xz"
ITERATIONS = 100
WEIGHTS = tuple(float(f"{w:.3g}") for w in np.geomspace(5e-4, 1.6e-2, 6))
"""In the Problem's units: 99th percentile of the ACS image = 1."""


def problems(
    volumes: Path, accelerations: Iterable[float], seeds: Iterable[int], n_slices: int
) -> Iterator[tuple[str, dict[str, Any], Problem, Tensor]]:
    """Name, condition, calibrated problem and true magnitude of every simulated scan."""
    for path in sorted(volumes.glob("*.nii*")):
        volume = load_volume(path)
        chosen = evaluation_slices(len(volume.magnitude), n_slices)
        scan = simulate_scan(
            volume.magnitude, volume.voxel_mm, slice_mm=volume.slice_mm, slices=chosen, name=volume.name
        )
        for accel in accelerations:
            for seed in seeds:
                under = scan.undersample(pattern("random", accel, None, seed))
                condition = {"accel": accel, "seed": seed, "net_acceleration": round(under.net_acceleration, 3)}
                assert scan.truth is not None
                yield scan.name, condition, build_problem(under), scan.truth


def ours(problem: Problem, weight: float) -> Tensor:
    method = Wavelet(weight=weight, iterations=ITERATIONS)
    return torch.cat([method.solve(problem.select(slice(i, i + 1))).image for i in range(problem.n_slices)])


def bart(problem: Problem, weight: float) -> Tensor:
    """`-w 1` keeps BART from rescaling the data, so that its weight has our units."""
    images = []
    with tempfile.TemporaryDirectory() as folder:
        file = {name: str(Path(folder, name)) for name in ("pattern", "kspace", "maps", "image")}
        _write(file["pattern"], problem.mask)
        for kspace, maps in zip(problem.kspace, problem.maps, strict=True):
            _write(file["kspace"], kspace.unsqueeze(1))
            _write(file["maps"], maps.unsqueeze(1))
            command = [
                "bart",
                "pics",
                "-l1",
                "-r",
                str(weight),
                "-i",
                str(ITERATIONS),
                "-w",
                "1",
                "-p",
                file["pattern"],
            ]
            subprocess.run([*command, file["kspace"], file["maps"], file["image"]], check=True, capture_output=True,
                           env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())})  # fmt: skip
            images.append(_read(file["image"]).reshape(maps.shape[-2:]))
    return torch.from_numpy(np.stack(images))


PROGRAMS = {"medrecon": ours, "bart": bart}


def _write(name: str, array: Tensor) -> None:
    """BART's .cfl is column-major: a C-ordered array with its dimensions reversed."""
    Path(name + ".hdr").write_text("# Dimensions\n" + " ".join(map(str, reversed(array.shape))) + "\n")
    array.to(torch.complex64).resolve_conj().numpy().tofile(name + ".cfl")


def _read(name: str) -> np.ndarray:
    return np.fromfile(name + ".cfl", np.complex64)


def rows(name: str, condition: dict[str, Any], program: str, problem: Problem, truth: Tensor) -> list[dict[str, Any]]:
    found = []
    solve = PROGRAMS[program]
    for weight in WEIGHTS:
        start = time.perf_counter()
        image = solve(problem, weight)
        seconds = (time.perf_counter() - start) / problem.n_slices
        scores = score((image * problem.intensity * problem.scale).abs(), truth)
        psnr = scores.mean["psnr_foreground"]
        found.append(
            {
                "scan": name,
                **condition,
                "program": program,
                "weight": weight,
                "seconds_per_slice": round(seconds, 3),
                "mean": {key: round(value, 5) for key, value in scores.mean.items()},
                "psnr_foreground_slices": [round(row["psnr_foreground"], 3) for row in scores.slices],
            }
        )
        print(f"{name[:30]:30s} R {condition['accel']:g} {program:8s} {weight:.2e} {psnr:.2f} dB {seconds:.2f} s")
    return found


def summary(done: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean foreground PSNR over scans at each program's best weight, by acceleration, and their difference."""
    means: dict[tuple[float, str], dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in done:
        means[row["accel"], row["program"]][row["weight"]].append(row["mean"]["psnr_foreground"])
    best = {key: max((sum(v) / len(v), w) for w, v in by.items()) for key, by in means.items()}
    accelerations = sorted(a for a, program in best if program == "bart" and (a, "medrecon") in best)
    return {
        f"R{accel:g}": {
            "medrecon": {"psnr_foreground": round(best[accel, "medrecon"][0], 3), "weight": best[accel, "medrecon"][1]},
            "bart": {"psnr_foreground": round(best[accel, "bart"][0], 3), "weight": best[accel, "bart"][1]},
            "difference_db": round(best[accel, "medrecon"][0] - best[accel, "bart"][0], 3),
        }
        for accel in accelerations
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=500.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if shutil.which("bart") is None:
        raise SystemExit("bart is not on the path; install Debian's package bart")
    done = rows_so_far(options.out)
    version = subprocess.run(["bart", "version"], capture_output=True, text=True, check=True).stdout.strip()
    head = {"protocol": "full-range", "reference": "simulated", "maps": "calibrated", "coils": 8, "snr": 40,
            "iterations": ITERATIONS, "device": "cpu", "commit": commit(),
            "versions": {**versions(torch.device("cpu")), "bart": version}}  # fmt: skip
    held = {(r["scan"], r["accel"], r["seed"], r["program"]) for r in done}
    began = time.monotonic()
    options.out.parent.mkdir(exist_ok=True)
    for name, condition, problem, truth in problems(options.volumes, options.accel, options.seeds, options.slices):
        for program in PROGRAMS:
            if (name, condition["accel"], condition["seed"], program) in held:
                continue
            if time.monotonic() - began > options.seconds:
                raise SystemExit("time is up; call again to go on")
            done += rows(name, condition, program, problem, truth)
            write_json({**head, "summary": summary(done), "rows": done}, options.out)
    print(json.dumps(summary(done), indent=1))


def commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
