"""Rows of medrecon bench compared: one weight per R for each baseline, and differences on the same slices and masks."""

from __future__ import annotations

import ast
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any

from medrecon.bench.identity import distinct

Row = dict[str, Any]
METHODS = (
    "zero-filled", "sense", "spirit-linear", "wavelet", "tv", "dds", "spirit", "hfs", "hfs-paper", "hfs-released",
    "spirit-paper", "unrolled",
)  # fmt: skip
CONTROLS = ("unrolled", "mri-hfs-vp", "vp", "hfs-last")
"""Networks for the benchmark alone, whose weights are not shipped: the supervised control, that of the high band (as
rows of the bench and files of `train_hfs.py` call it), and the weights that were not averaged."""
BASELINES = ("wavelet", "tv")
FOREGROUND = "psnr_foreground"
RULE, BEST = "weight by the rule", "best weight"


@dataclass(frozen=True)
class Variant:
    """One line of a table: a method with its options and prior, over scans and mask seeds at one setting.

    Attributes
    ----------
    choice : of a baseline's weight, RULE or BEST; "" for other methods.
    detail : what distinguishes it further: which weight was best, or options other than steps and samples.
    """

    method: str
    choice: str
    detail: str
    weights: dict[str, str] | None
    rows: tuple[Row, ...]

    @property
    def calls(self) -> int:
        return self.rows[0]["network_calls"]

    @property
    def on(self) -> str | None:
        """Kind of machine that most rows ran on."""
        return Counter(row.get("on") for row in self.rows).most_common(1)[0][0]

    @property
    def n_slices(self) -> int:
        return sum(len(row["slices"]) for row in self.rows)

    def score(self, name: str) -> float:
        """Mean over all slices that have the score (a blank one has none)."""
        values = (value[name] for row in self.rows for value in row["slices"])
        return mean(value for value in values if value is not None)

    def seconds(self) -> float:
        """Median over scans and seeds of the seconds a slice on the kind of machine `on`, calibration included."""
        there = (row for row in self.rows if row.get("on") == self.on)
        return median(row["seconds_per_slice"] + row["calibration_seconds_per_slice"] for row in there)


def settings(rows: Iterable[Row]) -> dict[tuple[str, float], list[Row]]:
    """Rows by (mask, requested R), lower R first."""
    found = defaultdict(list)
    for row in rows:
        found[row["mask"], row["accel"]].append(row)
    return dict(sorted(found.items()))


def joined(files: Iterable[Iterable[Row]]) -> list[Row]:
    """Rows of several files; of what several of them hold the first is kept."""
    return distinct(row for rows in files for row in rows)[0]


def variants(rows: Sequence[Row]) -> list[Variant]:
    """The lines of one setting's table, in the order of METHODS, baselines with the rule's and the best weight."""
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_identity(row)].append(row)
    sweeps: dict[str, dict[float, list[Row]]] = defaultdict(lambda: defaultdict(list))
    found = []
    for members in groups.values():
        first = members[0]
        if first["method"] in BASELINES and set(first["options"]) <= {"noise_factor"}:
            sweeps[first["method"]][_factor(first)] += members
        else:
            found.append(Variant(first["method"], "", _further(first["options"]), first["weights"], tuple(members)))
    for method, sweep in sweeps.items():
        found += _weights(method, sweep)
    return sorted(found, key=lambda v: (METHODS.index(v.method), v.choice, (v.weights or {}).get("name", ""), v.calls))


def baseline(lines: Iterable[Variant]) -> Variant:
    """The better of the baselines in mean foreground PSNR, at its best weight where weights were tried."""
    return max((v for v in lines if v.choice), key=lambda v: (v.choice == BEST, v.score(FOREGROUND)))


def differences(line: Variant, other: Variant) -> dict[str, dict[int, list[float]]]:
    """Foreground PSNR of `line` minus that of `other` on the same slices and masks, by scan and mask seed."""
    theirs = {_condition(row): row["slices"] for row in other.rows}
    found: dict[str, dict[int, list[float]]] = defaultdict(dict)
    for row in line.rows:
        if (slices := theirs.get(_condition(row))) is not None:
            pairs = zip(row["slices"], slices, strict=True)
            found[row["scan"]][row["seed"]] = [
                a[FOREGROUND] - b[FOREGROUND] for a, b in pairs if a[FOREGROUND] is not None
            ]
    return found


def interval(volumes: Sequence[Sequence[float]], draws: int = 4000) -> tuple[float, float]:
    """95 % interval of the mean over slices by resampling whole volumes (evaluation.md 2)."""
    generator = random.Random(0)
    sums = [(sum(values), len(values)) for values in volumes]
    means = []
    for _ in range(draws):
        drawn = generator.choices(sums, k=len(sums))
        means.append(sum(s for s, _ in drawn) / sum(n for _, n in drawn))
    means.sort()
    return means[round(0.025 * draws)], means[round(0.975 * draws)]


@cache
def rule_factor(method: str) -> float:
    """Default `noise_factor` of a baseline, read from its source so that no torch is needed."""
    source = Path(__file__).parent.parent.parent / "medrecon" / "mri" / f"{method}.py"
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "noise_factor" and node.value is not None:
            return float(ast.literal_eval(node.value))
    raise LookupError(f"{source} has no noise_factor")


def _weights(method: str, sweep: dict[float, list[Row]]) -> Iterable[Variant]:
    """Only weights that were tried on every scan and seed compete for the best."""
    rule = rule_factor(method)
    if (by_rule := sweep.get(_rounded(rule))) is not None:
        yield Variant(method, RULE, "", None, tuple(by_rule))
    most = max(len(rows) for rows in sweep.values())
    whole = {factor: rows for factor, rows in sweep.items() if len(rows) == most}
    if len(whole) > 1:
        best = max(whole, key=lambda factor: Variant(method, BEST, "", None, tuple(whole[factor])).score(FOREGROUND))
        edge = {min(whole): ", the smallest", max(whole): ", the largest"}.get(best, "")
        further = f" and {len(sweep)} on a part" if len(sweep) > len(whole) else ""
        detail = f"{best / rule:.3g} × the rule's, of {len(whole)}{further}{edge}"
        yield Variant(method, BEST, detail, None, tuple(whole[best]))


def _condition(row: Row) -> tuple[str, int]:
    return row["scan"], row["seed"]


def _identity(row: Row) -> tuple[str, str, str | None]:
    return row["method"], json.dumps(row["options"], sort_keys=True), row["weights"] and row["weights"]["sha256"]


def _factor(row: Row) -> float:
    return _rounded(row["options"].get("noise_factor", rule_factor(row["method"])))


def _rounded(factor: float) -> float:
    return float(f"{factor:.4g}")


def _further(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items() if name != "steps")
