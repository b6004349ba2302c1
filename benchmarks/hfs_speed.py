"""Seconds a slice of `hfs` and `spirit` beside the published forms, on a card of their own (evaluation.md 8).

python benchmarks/hfs_speed.py VOLUMES OUT.json --sweep sweep_hfs.json [--hfs mri-hfs] [--last hfs-last.safetensors]
                               [--image mri-image] [--vp vp.safetensors] [--slices 8] [--steps 1000] [--device cuda]

The first volume under standard conditions, R 8. Calibration is timed apart. Ours: one warm-up, then the median of five.
The published forms run with the weights that the sweep chose: a tenth of their steps as a warm-up, two runs of as many,
which show how far times vary, and one run of all. Those of the papers and of the public code run a tenth once more with
a plain network and every kernel launched singly, as the originals' code runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import torch
from kept import read_json, write_json
from mri_speed import once
from sweep_hfs import best_options

from medrecon.bench.cases import Case, calibrated, in_scan_units, scored, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.sources import sources
from medrecon.bench.stale import commit
from medrecon.calibration import build_problem
from medrecon.diffusion import predictor_corrector
from medrecon.diffusion.prior import Prior
from medrecon.mri import method_class
from medrecon.mri.method import Solution
from medrecon.networks import load_prior, ready
from medrecon.provenance import versions

SINGLY = ("hfs-paper", "spirit-paper", "hfs-released")
OURS = {"hfs": (5, 10, 20, 50), "dds": (20,), "spirit": (20, 50)}


def main() -> None:
    given = arguments()
    device = torch.device(given.device)
    case = first_case(given, device)
    head = {
        "device": str(device), "versions": versions(device), "commit": commit(), "protocol": "full-range",
        "reference": "simulated", "slices": given.slices, "accel": 8.0, "coils": 8,
        "matrix": list(case.problem.image_shape[1:]),
        "calibration_seconds_per_slice": median(
            once(lambda: build_problem(case.scan.to(device))) for _ in range(3)
        ) / given.slices,
    }  # fmt: skip
    rows: list[dict[str, Any]] = []
    for row in chain(ours(given, case, device), published(given, case, device)):
        rows.append(row)
        print(json.dumps(row), flush=True)
        write_json({**head, "rows": rows}, given.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sweep", type=Path, required=True)
    parser.add_argument("--hfs", default="mri-hfs")
    parser.add_argument("--last", default="hfs-last.safetensors")
    parser.add_argument("--image", default="mri-image")
    parser.add_argument("--vp", default="vp.safetensors")
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


def first_case(given: argparse.Namespace, device: torch.device) -> Case:
    source = sources(given.volumes)[0][0]
    condition = Condition(source.name, 8, 40.0, given.slices, "random", 8.0, 0)
    return calibrated(undersampled(source.scan(condition), condition), 0, device)


def ours(given: argparse.Namespace, case: Case, device: torch.device) -> Iterator[dict[str, Any]]:
    for method, calls in OURS.items():
        prior = load_prior(given.hfs if method == "hfs" else given.image, device)
        for steps in calls:
            options = {"steps": steps}
            runs = [timed(case, method, options, prior) for _ in range(6)]
            yield row(case, method, options, prior, runs[1:])


def published(given: argparse.Namespace, case: Case, device: torch.device) -> Iterator[dict[str, Any]]:
    kept = read_json(given.sweep)["rows"]
    names = {"hfs-paper": given.hfs, "spirit-paper": given.image, "hfs-released": given.last, "vp": given.vp}
    for group, name in names.items():
        prior, method = load_prior(name, device), "hfs-paper" if group == "vp" else group
        options = best_options(kept, group)
        part = {**options, "steps": given.steps // 10}
        tenth = [timed(case, method, part, prior)[0] for _ in range(3)]
        whole = {**options, "steps": given.steps}
        found = row(case, method, whole, prior, [timed(case, method, whole, prior)])
        found |= {"group": group, "seconds_of_a_tenth": tenth[1:]}
        if group in SINGLY:
            with launched_singly():
                plain = load_prior(name, device)
                slow = [timed(case, method, part, plain)[0] for _ in range(3)]
            found["singly_seconds_of_a_tenth"] = slow[1:]
        yield found


@contextmanager
def launched_singly() -> Iterator[None]:
    """Priors that are loaded here have the plain network, and chains are not recorded as graphs."""
    held = ready.has_triton, predictor_corrector.Replay

    def as_it_is(step: Callable[..., Any]) -> Callable[..., Any]:
        return step

    ready.has_triton, predictor_corrector.Replay = lambda: False, as_it_is  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        ready.has_triton, predictor_corrector.Replay = held  # type: ignore[misc]


def timed(case: Case, method: str, options: dict[str, Any], prior: Prior) -> tuple[float, Solution]:
    """Seconds, and what they gave."""
    found: list[Solution] = []
    seconds = once(lambda: found.append(method_class(method)(**options).solve(case.problem, prior=prior)))
    return seconds, found[0]


def row(
    case: Case, method: str, options: dict[str, Any], prior: Prior, runs: list[tuple[float, Solution]]
) -> dict[str, Any]:
    times, found = [seconds for seconds, _ in runs], runs[-1][1]
    magnitude = in_scan_units(found.image, case.problem, case.scan).abs()
    return {
        "method": method, "options": options, "prior": prior.name, "weights_sha256": prior.sha256,
        "calls": found.calls, "seconds": times, "seconds_per_slice": median(times) / case.problem.n_slices,
        **scored(magnitude, case, slice(0, case.problem.n_slices)),
    }  # fmt: skip


if __name__ == "__main__":
    main()
