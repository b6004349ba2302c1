"""What `fdmr_bench` runs, in parts: the entries of its tables, with the priors at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fdmr_cases import SHIFTED
from fdmr_ddpm import ddpm
from fdmr_entry import Entry, Solve, Traced
from fdmr_together import TOGETHER
from torch import Tensor

from medrecon.diffusion.prior import Prior
from medrecon.mri import method_class
from medrecon.mri.fdmr.method import Fdmr
from medrecon.problem import Problem

PARTS = ("main", "costly", "published", TOGETHER, "shift", "curves", "shift-curves", "ablation", "rest")
STEPS = 1000
"""Of the DDPM and of AdaDiff's adaptation."""

FULL, QUICK, PUBLISHED = "fdmr, all weights", "fdmr", "published levels"
PUBLISHED_OPTIONS: dict[str, Any] = {"told": 3, "patience": 10, "iterations": 60, "runs": 4, "trust": "level"}
"""Of `fdmr` on levels even in time, settled on the tuning volumes by `sweep_fdmr.py` as well."""


NOTHING = 1e-12
"""A rate of adaptation that leaves the network as it is: stage 2 with all that it does but learn."""
NEVER_EARLY: dict[str, Any] = {"patience": 200}
"""Of `dip`: for a hundred iterations it foretells withheld lines no better, and any patience below would end it."""


Part = tuple[Sequence[str], Sequence[Entry | Traced]]
"""Groups, and what is run on every case of them."""


class Entries:
    """Everything that can be run with the priors at hand, in parts, the most telling first."""

    def __init__(self, priors: Mapping[str, Prior], chosen: Mapping[str, Any], tiny: bool) -> None:
        """`chosen` is what a sweep settled, by what adapts; `tiny` makes few iterations."""
        self.priors, self.tiny = priors, tiny
        self.count = 6 if tiny else STEPS
        self.few: dict[str, Any] = {"iterations": 6, "patience": 3} if tiny else {}
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
            "no iterations": {"iterations": 0}, "not adapted": {"iterations": 1, "rate": NOTHING},
            "no refinement": {"refine": "none"}, "R1": {"refine": "renoise"},
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
