"""Where the options of HFS and of the published forms come from: tuning volumes, so that each is compared at its best.

python benchmarks/sweep_hfs.py TUNE OUT.json GROUP... [--hfs mri-hfs] [--last hfs-last.safetensors]
                               [--image mri-image] [--vp vp.safetensors] [--device cuda] [--slices 4] [--accel 8]
                               [--part 1/4] [--steps 1000 --best 3]

Groups: hfs (20 calls, one option at a time), hfs-paper, hfs-released, vp (predictor and corrector on whole images) and
spirit-paper (200 calls, every combination of what users of the originals tuned by hand: snr and the weights, and eta).
Standard conditions, mask seed 0. --part takes some of the runs, --best those that scored best so far, to be run with
other --steps. OUT.json keeps the rows that it has, and what they hold is not run again; combinations that diverge are
rows without scores. `low_error` is that of the low band against the truth, `low_spread` the share of its energy that
two seeds differ by.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from kept import rows_so_far, write_json
from torch import Tensor

from medrecon.bench.cases import Case, calibrated, in_scan_units, scored, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.low_band_error import true_image
from medrecon.bench.sources import sources
from medrecon.bench.stale import code_digest, commit
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri import method_class
from medrecon.mri.hfs import HFS
from medrecon.mri.low_band import high_pass
from medrecon.mri.method import Method
from medrecon.mri.published_hfs import PublishedHfs
from medrecon.networks import load_prior
from medrecon.operators.highpass import HighPass
from medrecon.problem import Problem
from medrecon.provenance import versions

Run = tuple[str, dict[str, Any]]
STEPS = 100
"""Of the published forms: 200 calls, with which their authors say that they still work."""
ONE_AT_A_TIME: dict[str, tuple[Any, ...]] = {
    "width": (4, 8, 10),
    "integrator": ("dpmpp2m", "ddim"),
    "momentum": (0.5, 0.8),
    "amplitude": (0.15, 0.3, 0.6, 1.0),
    "told": (0.4, 0.5, 0.8, 1.0),
    "mirrored": (False,),
    "eta": (0.0, 0.6, 0.9),
    "start": (0.1, 0.2, 0.4, 0.8),
    "end": (0.005, 0.01, 0.02),
    "rho": (3.0, 7.0),
    "cg": (3, 8, 12),
}
WEIGHTS = {
    "hfs-paper": ((0.08, 0.16, 0.32, 0.43, 0.54), (1.0, 2.5, 5.0, 10.0), (0.1, 1.0, 2.5, 5.0)),
    "hfs-released": ((0.08, 0.16, 0.32, 0.43, 0.54), (1.0, 2.5, 5.0, 10.0), (0.1, 1.0, 2.5, 5.0)),
    "vp": ((0.16, 0.27, 0.43), (1.0, 2.5, 5.0, 10.0), (0.1, 1.0, 2.5, 5.0)),
    "spirit-paper": ((0.16, 0.4, 0.7), (0.2, 0.8, 3.0), (0.2, 1.0, 3.0)),
}
"""snr, predictor_weight and corrector_weight: about what was released."""
FURTHER = {"spirit-paper": ((0.04, 0.08, 0.16), (3.0, 10.0), (0.05, 0.2, 1.0))}
"""Beyond the grid's edge, where its best value lay."""
SMALLER_SNR = 0.16
"""With many steps the corrector's error adds up, so that the best snr of few steps is too large: this one is tried too,
with the weights that scored best at it."""


def runs(group: str) -> Iterator[Run]:
    if group == "hfs":
        yield from (("hfs", {"steps": steps}) for steps in (5, 10, 20, 50))
        yield from (("hfs", {"steps": 20, name: v}) for name, values in ONE_AT_A_TIME.items() for v in values)
        yield "hfs", {"steps": 20, "integrator": "dpmpp2m", "told": 1.0}
        return
    method = "hfs-paper" if group == "vp" else group
    fixed = {"width": 0} if group == "vp" else {}
    grid = dict.fromkeys((*product(*WEIGHTS[group]), *product(*FURTHER.get(group, ((), (), ())))))
    for snr, predictor, corrector in grid:
        weights = {"snr": snr, "predictor_weight": predictor, "corrector_weight": corrector}
        yield method, {"steps": STEPS, **fixed, **weights}
    if group == "spirit-paper":
        yield from ((method, {"steps": STEPS, "eta": eta}) for eta in (0.1, 0.2, 0.8, 1.2))


def wanted(group: str, rows: list[dict[str, Any]], given: argparse.Namespace) -> list[Run]:
    """The runs of one part that `rows` do not hold yet."""
    index, count = map(int, given.part.split("/"))
    chosen = best(group, rows, given) if given.best else list(runs(group))
    known = [row["options"] for row in rows if row["group"] == group]
    return [run for run in chosen[index - 1 :: count] if run[1] not in known]


def best(group: str, rows: list[dict[str, Any]], given: argparse.Namespace) -> list[Run]:
    """The --best combinations of STEPS, and as many of `SMALLER_SNR`, with --steps."""
    ranked = ranking(group, rows, STEPS)
    careful = [options for options in ranked if options.get("snr") == SMALLER_SNR]
    chosen = [*ranked[: given.best], *careful[: given.best]]
    method = next(runs(group))[0]
    return [
        (method, {**options, "steps": given.steps}) for n, options in enumerate(chosen) if options not in chosen[:n]
    ]


def ranking(group: str, rows: list[dict[str, Any]], steps: int) -> list[dict[str, Any]]:
    """Combinations that ran with `steps`, the best mean foreground PSNR first."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if (row["group"], row["options"]["steps"]) == (group, steps):
            score = float("-inf") if row["mean"] is None else row["mean"]["psnr_foreground"]
            found.setdefault(json.dumps(row["options"]), []).append(score)
    return [json.loads(key) for key in sorted(found, key=lambda options: mean(found[options]), reverse=True)]


def best_options(rows: list[dict[str, Any]], group: str) -> dict[str, Any]:
    """The combination of most steps that scored best, without its number of steps."""
    most = max(row["options"]["steps"] for row in rows if row["group"] == group)
    return {name: value for name, value in ranking(group, rows, most)[0].items() if name != "steps"}


def main() -> None:
    given = arguments()
    device = torch.device(given.device)
    ready = [(case, _truth(case)) for case in cases(given, device)]
    rows = rows_so_far(given.out)
    for group in given.groups:
        others = {"vp": given.vp, "spirit-paper": given.image, "hfs-released": given.last or given.hfs}
        prior = load_prior(others.get(group, given.hfs), device)
        head = {
            "device": str(device), "versions": versions(device), "commit": commit(),
            "code": {method: code_digest(method) for method, _ in runs(group)}, "protocol": "full-range",
            "reference": "simulated", "accel": given.accel,
        }  # fmt: skip
        for method, options in wanted(group, rows, given):
            made = [row(case, truth, group, (method, options), prior) for case, truth in ready]
            rows += made
            known = [r["mean"]["psnr_foreground"] for r in made if r["mean"] is not None]
            said = f"{mean(known):.3f} dB" if len(known) == len(made) else "diverged or refused"
            print(group, json.dumps(options), said, "low band", [r["low_error"] for r in made], flush=True)
            write_json({**head, "rows": rows}, given.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tune", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("groups", nargs="+", choices=["hfs", *WEIGHTS])
    parser.add_argument("--hfs", default="mri-hfs")
    parser.add_argument("--last", help="weights that were not averaged, for hfs-released")
    parser.add_argument("--image", default="mri-image")
    parser.add_argument("--vp", default="vp.safetensors")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--accel", type=float, default=8.0)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--steps", type=int, default=1000, help="of the --best")
    parser.add_argument("--best", type=int, default=0)
    return parser.parse_args()


def cases(given: argparse.Namespace, device: torch.device) -> list[Case]:
    conditions = [
        (source, Condition(source.name, 8, 40.0, given.slices, "random", given.accel, 0))
        for source in sources(given.tune)[0]
    ]
    return [calibrated(undersampled(source.scan(c), c), c.seed, device) for source, c in conditions]


def row(case: Case, truth: Tensor, group: str, run: Run, prior: Prior) -> dict[str, Any]:
    method, options = run
    facts = {
        "group": group, "method": method, "options": options, "scan": case.scan.name,
        "prior": prior.name, "weights_sha256": prior.sha256,
    }  # fmt: skip
    made = method_class(method)(**options)
    try:
        images = [made.solve(case.problem, prior=prior, seed=seed).image for seed in (0, 1)]
    except InputError as error:
        return {**facts, "mean": None, "low_error": None, "low_spread": None, "refused": str(error)}
    magnitude = in_scan_units(images[0], case.problem, case.scan).abs()
    found = scored(magnitude, case, slice(0, case.problem.n_slices))
    del found["slices"]
    high = band(made, case.problem)
    low, *bands = (image - high(image) for image in (truth, *images))
    error = (bands[0] - low).norm() / low.norm()
    spread = (bands[0] - bands[1]).abs().square().sum() / 2 / low.abs().square().sum()
    return {**facts, **found, "low_error": float(f"{error:.4g}"), "low_spread": float(f"{spread:.4g}")}


def band(method: Method, problem: Problem) -> HighPass:
    """F_h of the method's own low band; of all of the sampled centre for those that have none."""
    lines = method.lines(problem) if isinstance(method, HFS | PublishedHfs) else 0
    return high_pass(problem, lines or None)


def _truth(case: Case) -> Tensor:
    """In the problem's units."""
    truth = true_image(case, slice(0, case.problem.n_slices))
    assert truth is not None
    return truth


if __name__ == "__main__":
    main()
