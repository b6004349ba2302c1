"""What each part of the recipe is worth: short runs from scratch that leave one part out, scored on tuning volumes.

python benchmarks/ablate_prior.py PACK TUNE OUT.json --runs base footprint phase [--seconds 240] [--network large]
                                  [--size 256] [--batch 64] [--slices 10] [--device cuda] [--steps N]

PACK holds the training volumes, TUNE the tuning volumes (packs or folders). Runs share one architecture and so one
compiled shape. Scores are mean foreground PSNR of `dds` under the standard conditions at R 4, 8 and 10, mask seed 0.
OUT.json keeps the rows that it holds; runs that stand there are passed over, so that several calls make one table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from sampler_sweep import ACCELS, cases, row

from medrecon.bench.cases import Case
from medrecon.bench.stale import commit
from medrecon.calibration import build
from medrecon.datasets.pack import training_volumes
from medrecon.io import write_json
from medrecon.networks import edm, image_prior
from medrecon.provenance import versions
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_image import train_mri_image
from medrecon.training.mri_image_options import MriImageOptions

BASE: dict[str, Any] = {
    "levels": {"mean": -2.2, "spread": 1.7},
    "augmentation": {"phase": {"smooth_rad": 0.8, "ramp_cycles": 1.5, "wraps": 2.0, "dipole_share": 0.3}},
}
"""The recipe before the ablation, which turned its phases down and its levels up."""
OFF: dict[str, dict[str, Any]] = {
    "base": {},
    "footprint": {"augmentation": {"footprint": {
        "finest_mm": 0.8, "coarsest_mm": 1.2, "anisotropy": 1.0, "cut_share": 0.0, "zero_filled_share": 0.0,
    }}},
    "phase": {"augmentation": {"phase": {"smooth_rad": 0.0, "ramp_cycles": 0.0, "wraps": 0.0, "dipole_share": 0.0}}},
    "noise floor": {"augmentation": {"reference": {"noise_share": 0.0}}},
    "intensity": {"augmentation": {"intensity": {
        "gamma": 0.0, "tone": 0.0, "contrast_share": 0.0, "shading_share": 0.0,
    }}},
    "phase reference": {"augmentation": {"reference": {"phase": False}}},
    "lower levels": {"levels": {"mean": -3.0, "spread": 1.5}},
    "higher levels": {"levels": {"mean": -1.4, "spread": 1.5}},
}  # fmt: skip
"""What each run changes."""


def changed(options: Any, by: Mapping[str, Any]) -> Any:
    """A frozen dataclass with some of its fields, and those of the dataclasses in it, changed."""
    known = {f.name for f in fields(options)}
    assert set(by) <= known, set(by) - known
    inner = {k: changed(getattr(options, k), v) if isinstance(v, Mapping) else v for k, v in by.items()}
    return replace(options, **inner)


@contextmanager
def maps_as_they_come(off: bool) -> Iterator[None]:
    """Without the phase reference at test time, where training had none."""
    held = build.fix_phase
    if off:
        build.fix_phase = lambda maps, kspace, acs: maps  # noqa: ARG005
    try:
        yield
    finally:
        build.fix_phase = held


def scores(tensors: Mapping[str, Any], settings: Mapping[str, Any], ready: list[Case], device: torch.device) -> dict:
    prior = image_prior(tensors, settings, device, "ablation", None)
    found: dict[float, list[float]] = {accel: [] for accel in ACCELS}
    for case, accel in zip(ready, ACCELS * (len(ready) // len(ACCELS)), strict=True):
        found[accel].append(row(case, accel, "dds", {}, prior)["mean"]["psnr_foreground"])
    return {"by_r": {f"{accel:g}": found[accel] for accel in ACCELS}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("tune", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", nargs="+", choices=tuple(OFF), default=list(OFF))
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--network", default="large")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    device, began = torch.device(given.device), time.monotonic()
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    loop = LoopOptions(seconds=given.seconds, steps=given.steps)
    base = changed(MriImageOptions(network=given.network, size=given.size, batch=given.batch, loop=loop), BASE)
    volumes = training_volumes(given.pack)
    rows = json.loads(given.out.read_text())["rows"] if given.out.exists() else []
    head = {"device": str(device), "versions": versions(device), "commit": commit(), "seconds": given.seconds}
    for name in given.runs:
        if any(each["run"] == name for each in rows):
            continue
        torch._dynamo.reset()  # every run compiles its own network, of the same shape
        trained = train_mri_image(volumes, changed(base, OFF[name]), device, compiled=device.type == "cuda")
        with maps_as_they_come(name == "phase reference"):
            ready = cases(given.tune, given.slices, device)
            found = scores(trained.weights, trained.settings, ready, device)
        rows.append({
            "run": name, "changed": OFF[name], "steps": trained.run.steps, "seconds": trained.run.seconds,
            "loss": trained.run.history[-1].loss if trained.run.history else None, **found,
        })  # fmt: skip
        if name == "base":  # the same weights, and the network's zero padding at the edges of the image
            held, edm.MARGIN = edm.MARGIN, 0
            without = scores(trained.weights, trained.settings, ready, device)
            rows.append({**rows[-1], "run": "periodic margin", **without})
            edm.MARGIN = held
        write_json({**head, "rows": rows}, given.out)
        print(f"[{time.monotonic() - began:5.0f} s]", json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()
