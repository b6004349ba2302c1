"""FDMR against its own stages, its controls and the other priors: scores and wall time in one run (issue 7).

python benchmarks/fdmr_bench.py DATA OUT.json --ddgan FILE [--l1 FILE] [--image mri-image] [--ddpm FILE]
                                [--groups val sagittal reformatted brain16 ct-chest] [--accel 4 8] [--slices 6]
                                [--device cuda] [--seconds 560] [--only NAME ...] [--no-curves] [--tiny]

DATA as in `fdmr_cases`. Rows that OUT.json holds are not made again, so that calls of bounded time join; none begins
after `--seconds`. A row is one entry on one case: scores after one warm run of a few iterations, seconds of sampling
without calibration. `curves` hold every iterate of the adaptations of fdmr (modulation, all weights, the l1 prior) and
of dip: gain by J, where E2 stops against the J that the truth would choose, and the J at which fdmr leads dip by 1 dB.
`summary` has what the issue asks of them. `--tiny` rehearses it all at few pixels and iterations.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from fdmr_cases import Named, cases, groups
from fdmr_curves import curve
from fdmr_ddpm import ddpm
from fdmr_summary import summary
from torch import Tensor

from medrecon.bench.cases import in_scan_units, scored
from medrecon.bench.stale import code_digest, commit
from medrecon.diffusion.prior import Prior
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.io import write_json
from medrecon.mri import method_class
from medrecon.mri.fdmr import Fdmr
from medrecon.networks import load_prior
from medrecon.problem import Problem
from medrecon.provenance import versions

STEPS = 1000
"""Of the DDPM and of AdaDiff's adaptation."""
Solve = Callable[[Problem], tuple[Tensor, int]]
"""(images `(slice, y, x)`, network calls a slice)."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the table.

    Attributes
    ----------
    solve, warm : the run, and a short one that sets libraries up and records what will be replayed.
    """

    name: str
    options: Mapping[str, Any]
    prior: Prior
    solve: Solve
    warm: Solve


def entries(priors: Mapping[str, Prior], given: argparse.Namespace) -> Iterator[Entry]:
    """What is measured, the quick ones first."""
    count = 6 if given.tiny else STEPS
    few = {"iterations": 6, "patience": 3} if given.tiny else {}
    ddgan = {
        "static": {"mode": "static"},
        "fdmr": {**few},
        "fdmr, one by one": {"batch": 1, **few},
        "fdmr, state shown": {"shown": "state", **few},
        "fdmr, trust by withheld": {"trust": "holdout", **few},
        "fdmr, no refinement": {"refine": "none", **few},
        "fdmr, R2": {"refine": "deterministic", **few},
        "fdmr, R3": {"refine": "original", **few},
        "fdmr, refined 4 times": {"runs": 4, **few},
        "fdmr, hard data step": {"data": "hard", **few},
        "fdmr, start 4": {"start": 4, **few},
        "fdmr, warm": {"warm": True, "batch": 1, **few},
        "fdmr, E1 50": {"stop": "count", "iterations": few.get("iterations", 50)},
        "fdmr, E3": {"stop": "discrepancy", **few},
        "fdmr, rate 0.003": {"rate": 3e-3, **few},
        "fdmr, rate 0.03": {"rate": 3e-2, **few},
        "fdmr, low-rank": {"parameters": "low-rank", **few},
        "fdmr, all weights": {"parameters": "all", **few},
        "fdmr, all weights, no refinement": {"parameters": "all", "refine": "none", **few},
        "dip": {"mode": "dip", **few},
        "dip 1000": {"mode": "dip", "iterations": count, "stop": "count"},
        "adadiff": {"mode": "adadiff", "iterations": count},
    }
    l1 = {"fdmr": {**few}, "fdmr, all weights": {"parameters": "all", **few}, "static": {"mode": "static"}}
    for name, options in ddgan.items():
        yield _fdmr(name, options, priors["ddgan"])
    for name, options in ({**l1, "adadiff": ddgan["adadiff"]} if "l1" in priors else {}).items():
        yield _fdmr(f"{name}, l1 prior", options, priors["l1"])
    for name in ("spirit", "dds") if "image" in priors else ():
        for steps in (2, 3) if given.tiny else (20, 50):
            yield _drawing(f"{name} {steps}", name, {"steps": steps}, priors["image"])
    for name in ("image", "ddpm"):
        if name in priors and (name == "ddpm" or "ddpm" not in priors):
            yield _ddpm(f"ddpm {count}, {name} prior", count, priors[name])


def _fdmr(name: str, options: Mapping[str, Any], prior: Prior) -> Entry:
    method = Fdmr(**options)
    short = method if method.mode == "static" else replace(method, iterations=min(4, method.iterations or 4))

    def run(with_: Fdmr) -> Solve:
        def solve(problem: Problem) -> tuple[Tensor, int]:
            solution = with_.solve(problem, prior=prior)
            return solution.image, solution.calls

        return solve

    return Entry(name, options, prior, run(method), run(short))


def _drawing(label: str, name: str, options: Mapping[str, Any], prior: Prior) -> Entry:
    method = method_class(name)(**options)

    def solve(problem: Problem) -> tuple[Tensor, int]:
        solution = method.solve(problem, prior=prior)
        return solution.image, solution.calls

    return Entry(label, {"method": name, **options}, prior, solve, solve)


def _ddpm(name: str, steps: int, prior: Prior) -> Entry:
    def run(count: int) -> Solve:
        return lambda problem: (ddpm(problem, prior, count, 0), count)

    return Entry(name, {"steps": steps}, prior, run(steps), run(min(steps, 4)))


def row(entry: Entry, named: Named) -> dict[str, Any]:
    """Scores and costs of one entry on one case."""
    case, problem = named.case, named.case.problem
    entry.warm(problem)
    reset_peak_memory(problem.device)
    clock = Stopwatch(problem.device)
    with clock.running():
        image, calls = entry.solve(problem)
    magnitude = in_scan_units(image, problem, case.scan).abs()
    return {
        **_key(entry.name, named), "options": dict(entry.options), "prior": entry.prior.name,
        "weights_sha256": entry.prior.sha256, "coils": problem.maps.shape[1], "matrix": list(problem.image_shape[1:]),
        "reference": case.kind, "network_calls": calls, "seconds_per_slice": clock.seconds / problem.n_slices,
        "calibration_seconds_per_slice": case.calibration_seconds, "peak_memory_mib": peak_memory_mib(problem.device),
        **scored(magnitude, case, slice(0, problem.n_slices)),
    }  # fmt: skip


def curves(priors: Mapping[str, Prior], given: argparse.Namespace) -> Iterator[tuple[str, Fdmr, Prior]]:
    """Adaptations that are looked at iterate by iterate, by name."""
    short, long = (6, 6) if given.tiny else (300, STEPS)
    yield "fdmr", Fdmr(iterations=short), priors["ddgan"]
    yield "fdmr, all weights", Fdmr(iterations=long, parameters="all"), priors["ddgan"]
    yield "dip", Fdmr(mode="dip", iterations=long), priors["ddgan"]
    if "l1" in priors:
        yield "fdmr, l1 prior", Fdmr(iterations=short), priors["l1"]
        yield "fdmr, all weights, l1 prior", Fdmr(iterations=short, parameters="all"), priors["l1"]


def _key(name: str, named: Named) -> dict[str, Any]:
    return {"entry": name, "group": named.group, "scan": named.case.scan.name, "accel": named.accel}


def _holds(rows: list[dict[str, Any]], key: Mapping[str, Any]) -> bool:
    return any(all(row[k] == v for k, v in key.items()) for row in rows)


def main() -> None:
    given, began = arguments(), time.monotonic()
    device = torch.device(given.device)
    torch.backends.cudnn.benchmark = True
    files = {"ddgan": given.ddgan, "l1": given.l1, "image": given.image, "ddpm": given.ddpm}
    priors = {name: load_prior(file, device) for name, file in files.items() if file}
    held = json.loads(given.out.read_text()) if given.out.exists() else {}
    rows, found = held.get("rows", []), held.get("curves", [])
    head = {
        "device": str(device), "versions": versions(device), "commit": commit(), "protocol": "full-range",
        "code": {method: code_digest(method) for method in ("fdmr", "dds", "spirit")},
        "snr": 40, "mask": "random", "slices": given.slices, "tiny": given.tiny,
    }  # fmt: skip

    def keep() -> None:
        write_json({**head, "rows": rows, "curves": found, "summary": summary(rows, found)}, given.out)

    for named in cases(given.data, given.groups, given.accel, given.slices, device, tiny=given.tiny):
        for entry in entries(priors, given):
            key = _key(entry.name, named)
            if (given.only and entry.name not in given.only) or _holds(rows, key):
                continue
            if time.monotonic() - began > given.seconds:
                return print("out of time: run it again", flush=True)
            rows.append(row(entry, named))
            mean = rows[-1]["mean"]["psnr_foreground"]
            print(f"{key} {mean:.2f} dB {rows[-1]['seconds_per_slice']:.3f} s a slice", flush=True)
            keep()
        for name, method, prior in curves(priors, given) if given.curves else ():
            key = _key(name, named)
            if (given.only and name not in given.only) or _holds(found, key):
                continue
            if time.monotonic() - began > given.seconds:
                return print("out of time: run it again", flush=True)
            found.append({**key, "slices": curve(named.case, method, prior, 0)})
            print(f"curve {key} {time.monotonic() - began:.0f} s", flush=True)
            keep()
    return print("all there", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ddgan", required=True)
    parser.add_argument("--l1")
    parser.add_argument("--image", default="mri-image")
    parser.add_argument("--ddpm")
    parser.add_argument("--groups", nargs="+", default=["val", "sagittal", "reformatted", "brain16", "ct-chest"])
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=6)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--curves", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    unknown = set(given.groups) - set(groups(given.data))
    if unknown:
        print(f"not there and left out: {', '.join(sorted(unknown))}", flush=True)
    return given


if __name__ == "__main__":
    main()
