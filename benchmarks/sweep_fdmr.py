"""Where the defaults of `fdmr` come from: tuning volumes, never those that it is judged on.

python benchmarks/sweep_fdmr.py DATA OUT.json --ddgan FILE [--modes modulation all] [--accel 4 8] [--slices 3]
                                [--few 1] [--device cuda] [--seconds 300] [--tiny]

DATA as in `fdmr_cases`, of which tune.h5 is used. One option at a time (step of Adam, level told, how stage 1 goes
down, what the network is shown), then the best of each together. A run goes on past its end and is scored at every J
under both ways to weigh data against the adapted image (trust): so patience, the most iterations and trust are read off
its curves. Then the kinds of refinement and of ends are run with the options that were `chosen`; `ends` holds their
scores. All weights adapt --few slices, the others --slices together. OUT.json gets rows as they come, and what it holds
is not run again; none begins after --seconds. `fdmr_bench.py --sweep OUT.json` takes the options from it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any, cast

import torch
from fdmr_cases import Cases, Named
from fdmr_curves import Trust, curve
from kept import read_json, write_json

from medrecon.bench.cases import evenly, in_scan_units, scored
from medrecon.bench.stale import code_digest, commit
from medrecon.bench.text import stored
from medrecon.diffusion.adaptation.stopping import HoldOut
from medrecon.errors import InputError
from medrecon.instruments import Stopwatch
from medrecon.mri.fdmr.method import Fdmr
from medrecon.networks import load_prior
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.provenance import versions

Options = dict[str, Any]
Rows = list[dict[str, Any]]
MOST = 60
"""Iterations of a run."""
ONE_AT_A_TIME: dict[str, dict[str, tuple[Any, ...]]] = {
    "modulation": {"rate": (1e-2, 3e-3, 3e-2), "told": (2, 3), "draws": ("posterior",), "shown": ("state",)},
    "all": {"rate": (1e-4, 1e-3, 3e-5), "told": (2, 3), "draws": ("posterior",)},
    "low-rank": {"rate": (3e-3, 1e-3, 1e-2)},
}
"""By what adapts; the first rate is the default."""
TRUSTS: tuple[Trust, ...] = ("level", "holdout")
KEPT = ("slice", "held", "at", *TRUSTS)
"""Of a curve."""
PATIENCE, CAPS = (5, 10, 20), (20, 40, 60)
CLOSE = 0.03
"""dB within which fewer iterations are better than more."""
REFINED: tuple[Options, ...] = (
    {"refine": "estimate"}, {"refine": "estimate", "level": 2}, {"refine": "renoise"}, {"refine": "renoise", "runs": 4},
    {"refine": "deterministic"}, {"refine": "original"},
)  # fmt: skip
ENDED: tuple[Options, ...] = ({"refine": "none"}, {"stop": "count"}, {"stop": "discrepancy"})
"""What is looked at beside them, but not chosen: without stage 3; E1 with the J of the curves; E3."""


def tried(mode: str) -> Iterator[Options]:
    """One option at a time, the default rate first; all with what adapts in this mode."""
    base = {"parameters": mode, "rate": ONE_AT_A_TIME[mode]["rate"][0]}
    yield base
    for name, values in ONE_AT_A_TIME[mode].items():
        yield from ({**base, name: value} for value in values if value != base.get(name))


def together(mode: str, rows: Rows) -> Options:
    """The best value of each option by itself."""
    scores = {json.dumps(o): best_end(members)["psnr"] for o, members in by_options(rows, mode)}
    base = next(tried(mode))
    picked = dict(base)
    for name, values in ONE_AT_A_TIME[mode].items():
        options = [base, *({**base, name: value} for value in values)]
        known = [o for o in options if json.dumps(o) in scores]
        top = max(known, key=lambda o: scores[json.dumps(o)], default=base)
        picked |= {name: top[name]} if name in top else {}
    return picked


def by_options(rows: Rows, mode: str) -> list[tuple[Options, Rows]]:
    """The curves of each combination of a mode that was run on as many cases as any other."""
    found: dict[str, Rows] = {}
    for row in rows:
        if row["options"]["parameters"] == mode:
            found.setdefault(json.dumps(row["options"]), []).append(row)
    most = max(map(len, found.values()), default=0)
    return [(json.loads(key), members) for key, members in found.items() if len(members) == most]


def best_end(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Trust, patience and most iterations of the best mean score of these curves; of nearly equal ones the quickest."""
    ends = [_end(rows, *each) for each in product(TRUSTS, PATIENCE, CAPS)]
    top = max(end["psnr"] for end in ends)
    return min((end for end in ends if end["psnr"] > top - CLOSE), key=lambda end: end["ran"])


def _end(rows: Sequence[Mapping[str, Any]], trust: str, patience: int, cap: int) -> dict[str, Any]:
    scores, ran = [], []
    for each in (each for row in rows for each in row["slices"]):
        kept, number = end_of(each["held"][: cap + 1], HoldOut(patience))
        at = min(range(len(each["at"])), key=lambda i: abs(each["at"][i] - kept))
        scores.append(each[trust][at])
        ran.append(number)
    return {"trust": trust, "patience": patience, "iterations": cap, "psnr": mean(scores), "ran": mean(ran)}


def end_of(held: Sequence[float], rule: HoldOut) -> tuple[int, int]:
    """What `fdmr_curves.stopped` says of one curve; on plain numbers, since there are thousands of ends to compare."""
    best, kept, ran = float("inf"), 0, 0
    for ran, value in enumerate(held, 1):
        if value < (1 - rule.gain) * best:
            best, kept = value, ran - 1
        if ran - 1 - kept >= rule.patience:
            break
    return kept, ran


def fixed_count(rows: Sequence[Mapping[str, Any]], trust: str) -> int:
    """E1: the J with the best mean score, the same for all slices."""
    slices = [each for row in rows for each in row["slices"]]
    at = slices[0]["at"]
    return max(at, key=lambda j: mean(each[trust][at.index(j)] for each in slices))


def chosen(rows: Rows, ends: Rows, mode: str) -> tuple[Options, int] | None:
    """(options of the best curves, with the best refinement of those that were run; the J of E1)."""
    found = by_options(rows, mode)
    if not found:
        return None
    best, members = max(found, key=lambda each: best_end(each[1])["psnr"])
    end = best_end(members)
    options = {**best, **{name: end[name] for name in ("trust", "patience", "iterations")}}
    refined: dict[str, list[float]] = {}
    for row in ends:
        if row["base"] == options and row["options"] in REFINED:
            refined.setdefault(json.dumps(row["options"]), []).append(row["mean"]["psnr_foreground"])
    most = max(map(len, refined.values()), default=0)
    known = {key: mean(values) for key, values in refined.items() if len(values) == most}
    return {**options, **(json.loads(max(known, key=lambda key: known[key])) if known else {})}, fixed_count(
        members, end["trust"]
    )


class Sweep:
    """What was run, what is yet to be, and until when."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.until = given, time.monotonic() + given.seconds
        self.device = torch.device(given.device)
        self.prior = load_prior(given.ddgan, self.device)
        held = read_json(given.out) if stored(given.out).exists() else {}
        self.rows: Rows = held.get("rows", [])
        self.ends: Rows = held.get("ends", [])
        cases = Cases(given.data, given.slices, self.device, tiny=given.tiny)
        self.cases = list(cases(["tune"], given.accel))

    def run(self) -> bool:
        """Whether all is there."""
        return all(self._curves(mode) and self._ends(mode) for mode in self.given.modes)

    def _curves(self, mode: str) -> bool:
        steps = cast(DdganDenoiser, self.prior.denoise).schedule.steps
        asked = [o for o in tried(mode) if o.get("start", 1) <= steps]
        return all(map(self._curve, asked)) and self._curve(together(mode, self.rows))

    def _curve(self, options: Options) -> bool:
        method = Fdmr(iterations=6 if self.given.tiny else MOST, **options)
        for named in self.cases:
            key = {"options": options, **_place(named)}
            if _holds(self.rows, key):
                continue
            if time.monotonic() > self.until:
                return False
            few = self._few(options["parameters"])
            try:
                made = curve(named.case, method, self.prior, 0, few, TRUSTS)
            except InputError as error:  # options with fewer cases than others are not compared
                print(f"{key} refused: {error}", flush=True)
                continue
            self.rows.append({**key, "slices": [{name: each[name] for name in KEPT} for each in made]})
            end = best_end(self.rows[-1:])
            print(f"{key} {end['psnr']:.2f} dB with {end}", flush=True)
            self.keep()
        return True

    def _ends(self, mode: str) -> bool:
        found = chosen(self.rows, [], mode)
        if found is None:
            return False
        base, count = found
        for options, named in product((*REFINED, *ENDED), self.cases):
            key = {"base": base, "options": options, **_place(named)}
            if _holds(self.ends, key):
                continue
            if time.monotonic() > self.until:
                return False
            all_options = {**base, **options}
            if options.get("stop") == "count":
                all_options["iterations"] = max(count, 1)
            try:
                self.ends.append({**key, **self._solved(named, Fdmr(**all_options))})
            except InputError as error:
                print(f"{key} refused: {error}", flush=True)
                continue
            print(f"{key} {self.ends[-1]['mean']['psnr_foreground']:.2f} dB", flush=True)
            self.keep()
        return True

    def _solved(self, named: Named, method: Fdmr) -> dict[str, Any]:
        case = named.case
        part = evenly(case.problem.n_slices, self._few(method.plan(self.device).parameters))
        problem, clock = case.problem.select(part), Stopwatch(self.device)
        with clock.running():
            image = method.solve(problem, prior=self.prior).image
        magnitude = in_scan_units(image, problem, case.scan).abs()
        found = scored(magnitude, case, part)
        return {"iterations": method.iterations, "seconds_per_slice": clock.seconds / problem.n_slices, **found}

    def _few(self, mode: str) -> int | None:
        return self.given.few if mode == "all" else None

    def keep(self) -> None:
        found = {mode: chosen(self.rows, self.ends, mode) for mode in self.given.modes}
        head = {
            "device": str(self.device), "versions": versions(self.device), "commit": commit(),
            "code": {"fdmr": code_digest("fdmr")}, "protocol": "full-range", "reference": "simulated",
            "prior": self.prior.name, "weights_sha256": self.prior.sha256, "slices": self.given.slices,
            "tiny": self.given.tiny,
        }  # fmt: skip
        compared = [
            {"options": options, **best_end(members)}
            for mode in self.given.modes
            for options, members in by_options(self.rows, mode)
        ]
        told = {mode: {"options": each[0], "fixed_count": each[1]} for mode, each in found.items() if each}
        write_json({**head, "chosen": told, "compared": compared, "rows": self.rows, "ends": self.ends}, self.given.out)


def _place(named: Named) -> dict[str, Any]:
    return {"scan": named.case.scan.name, "accel": named.accel}


def _holds(rows: Rows, key: Mapping[str, Any]) -> bool:
    return any(all(row[name] == value for name, value in key.items()) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ddgan", required=True)
    parser.add_argument("--modes", nargs="+", choices=tuple(ONE_AT_A_TIME), default=["modulation", "all"])
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--few", type=int, default=1)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--tiny", action="store_true")
    sweep = Sweep(parser.parse_args())
    print("all there" if sweep.run() else "out of time: run it again", flush=True)
    sweep.keep()


if __name__ == "__main__":
    main()
