"""Where the defaults of the sampler come from: one option at a time about them, on tuning volumes.

python benchmarks/sampler_sweep.py TUNE OUT.json [--prior mri-image] [--device cuda] [--slices 10] [--part 1/4]

TUNE is a folder of tuning volumes or a pack of them. Standard conditions at R 4, 8 and 10, mask seed 0. --part takes
some of the runs; `medrecon bench join` is not needed, since OUT.json keeps the rows of all parts that it is given, and
runs that it holds are passed over.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from kept import rows_so_far, write_json

from medrecon.bench.cases import Case, calibrated, in_scan_units, scored, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.sources import sources
from medrecon.bench.stale import code_digest, commit
from medrecon.diffusion.prior import Prior
from medrecon.mri import method_class
from medrecon.networks import load_prior
from medrecon.provenance import versions

ACCELS = (4.0, 8.0, 10.0)
TRIED: dict[str, tuple[Any, ...]] = {
    "momentum": (0.0, 0.5, 0.6, 0.8, 0.9),
    "amplitude": (0.15, 0.3, 0.6, 1.0),
    "told": (0.4, 0.5, 0.7, 0.85, 1.0),
    "start": (0.15, 0.6, 1.2),
    "end": (0.005, 0.01, 0.02),
    "rho": (3.0, 7.0, 30.0),
    "cg": (3, 8, 12),
    "eta": (0.9,),
}
CONDITIONAL = {"integrator": "ddim", "amplitude": 1.0, "start": 0.6, "told": 1.0, "mirrored": False}
"""The plain rule that momentum, no noise, a smaller level told and mirrored views replaced."""


def runs() -> Iterator[tuple[str, dict[str, Any]]]:
    for steps in (10, 20, 50):
        yield "dds", {"steps": steps}
        yield "dds", {"steps": steps, **CONDITIONAL}
        yield "spirit", {"steps": steps}
        yield "dds", {"steps": steps, "mirrored": False}
    for name, values in TRIED.items():
        yield from (("dds", {"steps": 20, name: value}) for value in values)
    for name in ("momentum", "told"):
        yield from (("dds", {"steps": steps, name: value}) for steps in (10, 50) for value in TRIED[name])
    for name in ("cg", "start", "rho"):
        yield from (("dds", {"steps": 10, name: value}) for value in TRIED[name])


def cases(tune: Path, slices: int, device: torch.device) -> list[Case]:
    conditions = [
        (source, Condition(source.name, 8, 40.0, slices, "random", accel, 0))
        for source in sources(tune)[0]
        for accel in ACCELS
    ]
    return [calibrated(undersampled(source.scan(c), c), c.seed, device) for source, c in conditions]


def row(case: Case, accel: float, method: str, options: dict[str, Any], prior: Prior) -> dict[str, Any]:
    solution = method_class(method)(**options).solve(case.problem, prior=prior, seed=case.seed)
    magnitude = in_scan_units(solution.image, case.problem, case.scan).abs()
    found = scored(magnitude, case, slice(0, case.problem.n_slices))
    del found["slices"]
    return {"method": method, "options": options, "accel": accel, "scan": case.scan.name, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tune", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--part", default="1/1")
    options = parser.parse_args()
    device = torch.device(options.device)
    index, count = map(int, options.part.split("/"))
    prior, ready = load_prior(options.prior, device), cases(options.tune, options.slices, device)
    head = {
        "device": str(device), "versions": versions(device), "commit": commit(),
        "code": {method: code_digest(method) for method in ("dds", "spirit")},
        "prior": prior.name, "weights_sha256": prior.sha256, "protocol": "full-range", "reference": "simulated",
    }  # fmt: skip
    rows = rows_so_far(options.out)
    held = [(each["method"], each["options"]) for each in rows]
    missing = [run for run in runs() if run not in held]
    for method, chosen in missing[index - 1 :: count]:
        made = [row(case, a, method, chosen, prior) for case, a in zip(ready, ACCELS * (len(ready) // 3), strict=True)]
        rows += made
        mean = sum(r["mean"]["psnr_foreground"] for r in made) / len(made)
        print(method, json.dumps(chosen), f"{mean:.3f} dB", flush=True)
        write_json({**head, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
