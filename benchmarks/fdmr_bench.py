"""FDMR against its own stages, its controls and the other priors: scores and wall time in one run (issue 7).

python benchmarks/fdmr_bench.py DATA OUT.json --ddgan FILE [--published FILE] [--l1 FILE] [--image mri-image]
                                [--ddpm FILE]
                                [--sweep SWEEP.json]
                                [--parts main costly published together shift curves shift-curves ablation rest]
                                [--entries "fdmr" "dip" ...]
                                [--accel 4 8] [--slices 6] [--few 2] [--device cuda] [--seconds 560] [--tiny]

DATA as in `fdmr_cases`. `--published` is a prior with AdaDiff's levels, where --ddgan has others; what is theirs runs
with it as well. SWEEP.json of `sweep_fdmr.py` has the options that `fdmr` runs with, settled on other patients. Rows
that OUT.json holds are not made again, so that calls of bounded time join; none begins after `--seconds`. A row is one
entry on --slices of one volume: scores after one warm run of a few iterations, seconds of sampling without calibration.
`batches` hold seconds by how many slices go at once, `curves` every iterate of adaptations of --few slices a volume:
gain by J, where E2 stops against the J that the truth would choose, and the J at which fdmr leads dip by 1 dB.
`summary` has what the issue asks of them. `--tiny` rehearses it all at few pixels.

main: held-out patients, what is quick. costly: all weights, dip, DDPM and adadiff there. published: with AdaDiff's
levels. together: 2, 6 and 16 slices at once there, of fdmr, the DDPM, static and spirit. shift: other anatomy and
planes. ablation: one option of fdmr at a time, at the last R. rest: controls that take longest and say least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from fdmr_cases import MASK_SEED, MEASURED, SHIFTED, SNR, Cases, Named, sources_of
from fdmr_curves import curve
from fdmr_ddpm import ddpm
from fdmr_entry import Entry, Solve, timed
from fdmr_summary import summary
from fdmr_together import SIZES, TINY_SIZES, TOGETHER, batch_row, in_order
from kept import read_json, write_json
from torch import Tensor

from medrecon.bench.cases import in_scan_units, scored
from medrecon.bench.stale import code_digest, commit
from medrecon.bench.text import stored
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri import method_class
from medrecon.mri.fdmr.method import Fdmr
from medrecon.networks import load_prior
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.problem import Problem
from medrecon.provenance import versions

PARTS = ("main", "costly", "published", TOGETHER, "shift", "curves", "shift-curves", "ablation", "rest")
STEPS = 1000
"""Of the DDPM and of AdaDiff's adaptation."""
KEPT = ("slice", "at", "psnr_foreground", "stopped", "best")
"""Of a curve."""

FULL, QUICK, PUBLISHED = "fdmr, all weights", "fdmr", "published levels"
PUBLISHED_OPTIONS: dict[str, Any] = {"told": 3, "patience": 10, "iterations": 60, "runs": 4, "trust": "level"}
"""Of `fdmr` on levels even in time, settled on the tuning volumes by `sweep_fdmr.py` as well."""


NEVER_EARLY: dict[str, Any] = {"patience": 200}
"""Of `dip`: for a hundred iterations it foretells withheld lines no better, and any patience below would end it."""


@dataclass(frozen=True, eq=False)
class Traced:
    """An adaptation that is looked at iterate by iterate."""

    name: str
    method: Fdmr
    prior: Prior


Part = tuple[Sequence[str], Sequence[Entry | Traced]]
"""Groups, and what is run on every case of them."""


class Entries:
    """Everything that can be run with the priors at hand, in parts, the most telling first."""

    def __init__(self, priors: Mapping[str, Prior], given: argparse.Namespace) -> None:
        self.priors, self.tiny = priors, given.tiny
        self.count = 6 if given.tiny else STEPS
        self.few: dict[str, Any] = {"iterations": 6, "patience": 3} if given.tiny else {}
        chosen = read_json(given.sweep)["chosen"] if given.sweep else {}
        modulated, full, paths = (chosen.get(k, {}).get("options", {}) for k in ("modulation", "all", "low-rank"))
        self.quick = {**modulated, **self.few}
        self.full = {"parameters": "all", **full, **self.few}
        self.old = {**PUBLISHED_OPTIONS, **self.few}
        self.adadiff = {"mode": "adadiff", "iterations": self.count}
        self.paths = {"parameters": "low-rank", **paths, **self.few}
        # what drives an untrained network: the step and the ends of the full mode
        driven = ("rate", "trust", "patience")
        self.dip = {"mode": "dip", **{k: v for k, v in full.items() if k in driven}, **NEVER_EARLY, **self.few}
        self.e1 = chosen.get("modulation", {}).get("fixed_count", 5)

    def parts(self) -> dict[str, Part]:
        return {
            "main": (["val"], self._main()),
            "published": (["val"], self._published()),
            "costly": (["val"], self._costly()),
            TOGETHER: (["val"], self._together()),
            "shift": (SHIFTED, self._shift()),
            "curves": (["val"], self._curves()),
            "shift-curves": (SHIFTED, self._curves()[:3]),
            "ablation": (["val"], self._ablation()),
            "rest": (["val"], self._rest()),
        }

    def _main(self) -> list[Entry]:
        found = [_fdmr("static", {"mode": "static"}, self.priors["ddgan"]),
                 _fdmr("static, posterior", {"mode": "static", "draws": "posterior"}, self.priors["ddgan"]),
                 _fdmr(QUICK, self.quick, self.priors["ddgan"])]  # fmt: skip
        if "image" in self.priors:
            steps = (2, 3) if self.tiny else (20, 50)
            found += [_drawing(f"spirit {n}", "spirit", {"steps": n}, self.priors["image"]) for n in steps]
            found += [_drawing(f"dds {steps[0]}", "dds", {"steps": steps[0]}, self.priors["image"])]
        if "ddpm" in self.priors:
            found.append(_drawing("dds 20, ddpm prior", "dds", {"steps": 20}, self.priors["ddpm"]))
        if "l1" in self.priors:
            found += [_fdmr("static, l1 prior", {"mode": "static"}, self.priors["l1"]),
                      _fdmr("fdmr, l1 prior", self.quick, self.priors["l1"])]  # fmt: skip
        return found

    def _published(self) -> list[Entry]:
        """With AdaDiff's levels, under which a single step has most to add and adaptation most to gain."""
        if "published" not in self.priors:
            return []
        prior = self.priors["published"]
        return [
            _fdmr(f"static, {PUBLISHED}", {"mode": "static"}, prior),
            _fdmr(f"{QUICK}, {PUBLISHED}", self.old, prior),
            _fdmr(f"adadiff, {PUBLISHED}", self.adadiff, prior),
        ]

    def _shift(self) -> list[Entry]:
        """Of the quick ones the prior's own and one that does not adapt, and the reference mode."""
        left_out = ("l1 prior", "ddpm prior", " 50", f"static, {PUBLISHED}", f"adadiff, {PUBLISHED}")
        own = [entry for entry in [*self._main(), *self._published()] if not entry.name.endswith(left_out)]
        return [*own, _fdmr(FULL, self.full, self.priors["ddgan"])]

    def _costly(self) -> list[Entry]:
        found = [_fdmr(FULL, self.full, self.priors["ddgan"]), _fdmr("dip", self.dip, self.priors["ddgan"])]
        found += self._stepwise()
        found.append(_fdmr("adadiff", self.adadiff, self.priors["ddgan"]))
        if "l1" in self.priors:
            found.append(_fdmr("fdmr, all weights, l1 prior", self.full, self.priors["l1"]))
        return found

    def _stepwise(self) -> list[Entry]:
        """The control of a thousand steps."""
        if "ddpm" in self.priors:
            return [_ddpm(f"ddpm {self.count}", self.count, self.priors["ddpm"])]
        if "image" in self.priors:
            return [_ddpm(f"ddpm {self.count}, image prior", self.count, self.priors["image"])]
        return []

    def _together(self) -> list[Entry]:
        least = 2 if self.tiny else 20
        names = ("static", QUICK, f"spirit {least}")
        return [*(entry for entry in self._main() if entry.name in names), *self._stepwise()]

    def _curves(self) -> list[Traced]:
        short, longer = (6, 6) if self.tiny else (60, 200)
        found = [
            Traced(QUICK, Fdmr(**{**self.quick, "iterations": short}), self.priors["ddgan"]),
            Traced(FULL, Fdmr(**{**self.full, "iterations": short}), self.priors["ddgan"]),
            Traced("dip", Fdmr(**{**self.dip, "iterations": longer}), self.priors["ddgan"]),
        ]
        if "published" in self.priors:
            old = Fdmr(**{**self.old, "iterations": longer})
            found.insert(2, Traced(f"{QUICK}, {PUBLISHED}", old, self.priors["published"]))
        return found

    def _ablation(self) -> list[Entry]:
        """One option at a time beside those of `fdmr`."""
        other = "level" if Fdmr(**self.quick).trust == "holdout" else "holdout"
        ways: dict[str, dict[str, Any]] = {
            "no iterations": {"iterations": 0}, "no refinement": {"refine": "none"}, "R1": {"refine": "renoise"},
            "R1, 4 times": {"refine": "renoise", "runs": 4}, "R2": {"refine": "deterministic"},
            "R3": {"refine": "original"}, "level 2": {"level": 2}, "hard data step": {"data": "hard"},
            "posterior": {"draws": "posterior", "refine": "renoise"}, "8 calls": {"steps": 8},
            "20 calls": {"steps": 20}, "told 2": {"told": 2}, "state shown": {"shown": "state"},
            "withheld never shown": {"whole": False}, f"trust by {other}": {"trust": other},
            "one by one": {"batch": 1}, "warm": {"warm": True, "batch": 1},
            "E1": {"stop": "count", "iterations": self.few.get("iterations", max(self.e1, 1))},
            "E3": {"stop": "discrepancy"},
        }  # fmt: skip
        ddgan = self.priors["ddgan"]
        found = [_fdmr(f"fdmr, {name}", {**self.quick, **way}, ddgan) for name, way in ways.items()]
        return [*found, _fdmr("fdmr, low-rank", self.paths, ddgan)]

    def _rest(self) -> list[Entry | Traced]:
        long = {"mode": "dip", "iterations": self.count, "stop": "count"}
        found: list[Entry | Traced] = [_fdmr("dip 1000", {**self.dip, **long}, self.priors["ddgan"])]
        if "l1" in self.priors:
            found.append(Traced(f"{FULL}, l1 prior", self._curves()[1].method, self.priors["l1"]))
            found.append(_fdmr("adadiff, l1 prior", self.adadiff, self.priors["l1"]))
        return found

    @property
    def _steps(self) -> int:
        return cast(DdganDenoiser, self.priors["ddgan"].denoise).schedule.steps


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
    image, found = timed(entry, problem)
    magnitude = in_scan_units(image, problem, case.scan).abs()
    return {
        **_key(entry.name, named), **found, "reference": case.kind,
        "calibration_seconds_per_slice": case.calibration_seconds, "net_acceleration": case.scan.net_acceleration,
        **scored(magnitude, case, slice(None)),
    }  # fmt: skip


class Run:
    """Rows, batches and curves that are there, and what is yet to be."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.began = given, time.monotonic()
        device = torch.device(given.device)
        files = {name: getattr(given, name) for name in ("ddgan", "published", "l1", "image", "ddpm")}
        self.entries = Entries({name: load_prior(file, device) for name, file in files.items() if file}, given)
        self.cases = Cases(given.data, given.slices, device, tiny=given.tiny)
        self.sizes = TINY_SIZES if given.tiny else SIZES
        self.large = Cases(given.data, max(self.sizes), device, tiny=given.tiny)
        held = read_json(given.out) if stored(given.out).exists() else {}
        self.rows, self.curves = held.get("rows", []), held.get("curves", [])
        self.batches, self.refused = held.get("batches", []), held.get("refused", [])
        self.head = {
            "device": str(device), "versions": versions(device), "commit": commit(), "protocol": "full-range",
            "code": {method: code_digest(method) for method in ("fdmr", "dds", "spirit")},
            "snr": SNR, "mask": "random", "slices": given.slices, "tiny": given.tiny,
        }  # fmt: skip

    def __call__(self) -> bool:
        """Whether all is there."""
        parts = self.entries.parts()
        return all(self._done(*asked) for name in self.given.parts for asked in self._asked(name, parts[name]))

    def _asked(self, name: str, part: Part) -> Iterator[tuple[Entry | Traced, Named, int | None]]:
        """Each entry on each case; of `together` with how many slices at once."""
        groups, asked = part
        asked = [each for each in asked if not self.given.entries or each.name in self.given.entries]
        if name == TOGETHER:
            for entry, accel in in_order([each for each in asked if isinstance(each, Entry)], self.given.accel):
                for named in self.large(groups, [accel]):
                    yield from ((entry, named, most) for most in self.sizes)
            return
        accels = self.given.accel[-1:] if name == "ablation" else self.given.accel
        # entry by entry, so that a call that ends early has the most telling ones of all cases
        for each in asked:
            yield from ((each, named, None) for named in self.cases(groups, accels))

    def _done(self, each: Entry | Traced, named: Named, most: int | None) -> bool:
        """False where no time is left for it."""
        key = _key(each.name, named) | ({} if most is None else {"most": most})
        found = self.curves if isinstance(each, Traced) else self.rows if most is None else self.batches
        if _holds(found, key) or key in [{k: v for k, v in other.items() if k != "why"} for other in self.refused]:
            return True
        if time.monotonic() - self.began > self.given.seconds:
            return False
        try:
            said = self._add(each, named, most, key)
        except InputError as error:
            said = f"refused: {error}"
            self.refused.append({**key, "why": str(error)})
        print(f"[{time.monotonic() - self.began:5.0f} s] {key} {said}", flush=True)
        self.keep()
        return True

    def _add(self, each: Entry | Traced, named: Named, most: int | None, key: dict[str, Any]) -> str:
        if isinstance(each, Traced):
            records = curve(named.case, each.method, each.prior, MASK_SEED, self.given.few)
            self.curves.append({**key, "slices": [{name: record[name] for name in KEPT} for record in records]})
            return "curve"
        if most is None:
            made = row(each, named)
            self.rows.append(made)
            score = made["mean"]["psnr_foreground"]
        else:
            made = {**key, **batch_row(each, named, most)}
            self.batches.append(made)
            score = made["psnr_foreground"]
        return f"{score:.2f} dB, {made['seconds_per_slice']:.3f} s a slice"

    def keep(self) -> None:
        write_json(self._whole(), self.given.out)

    def end(self) -> None:
        write_json({**self._whole(), "summary": summary(self.rows, self.curves)}, self.given.out)

    def _whole(self) -> dict[str, Any]:
        made = {"rows": self.rows, "batches": self.batches, "curves": self.curves, "refused": self.refused}
        return {**self.head, **made}


def _key(name: str, named: Named) -> dict[str, Any]:
    return {"entry": name, "group": named.group, "scan": named.case.scan.name, "accel": named.accel}


def _holds(rows: Sequence[Mapping[str, Any]], key: Mapping[str, Any]) -> bool:
    return any(all(row[k] == v for k, v in key.items()) for row in rows)


def main() -> None:
    run = Run(arguments())
    print("all there" if run() else "out of time: run it again", flush=True)
    run.end()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ddgan", required=True)
    parser.add_argument("--published")
    parser.add_argument("--l1")
    parser.add_argument("--image", default="mri-image")
    parser.add_argument("--ddpm")
    parser.add_argument("--sweep", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--entries", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=6, help="of each volume")
    parser.add_argument("--few", type=int, default=2, help="of each volume, in curves")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    missing = [group for group in MEASURED if not sources_of(given.data, group)]
    if missing:
        print(f"not there and left out: {', '.join(missing)}", flush=True)
    return given


if __name__ == "__main__":
    main()
