"""What `sweep_hfs.py` found: the best combinations of each group, and how far off the released values are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from sheets.comparison import FOREGROUND, Row
from sheets.parts import Record, machine, prior, table

BEST = 3
HFS = {"predictor_weight": 2.5, "corrector_weight": 0.1}
VP = {"width": 0, "predictor_weight": 2.5, "corrector_weight": 2.5}
RELEASED: dict[tuple[str, int], dict[str, Any]] = {
    ("hfs-paper", 100): {"snr": 0.32, **HFS},
    ("hfs-paper", 1000): {"snr": 0.16, **HFS},
    ("hfs-released", 100): {"snr": 0.32, **HFS},
    ("hfs-released", 1000): {"snr": 0.16, **HFS},
    ("vp", 100): {"snr": 0.43, **VP},
    ("vp", 1000): {"snr": 0.27, **VP},
    ("spirit-paper", 100): {"snr": 0.7, "predictor_weight": 0.2, "corrector_weight": 0.2},
    ("spirit-paper", 1000): {"snr": 0.7, "predictor_weight": 0.2, "corrector_weight": 0.2},
}
"""Of the released configurations, by number of steps; of `hfs` the defaults."""


@dataclass(frozen=True)
class Combination:
    """Options but for the steps, and their rows, one a scan."""

    options: dict[str, Any]
    rows: tuple[Row, ...]

    @property
    def failed(self) -> bool:
        return any(row["mean"] is None for row in self.rows)

    @property
    def psnr(self) -> float:
        return mean(row["mean"][FOREGROUND] for row in self.rows)


def hfs_sweep(records: Sequence[Record]) -> str:
    (record,) = records
    body = []
    for (group, steps), found in _groups(record["rows"]).items():
        body += _lines(group, steps, found)
    head = (
        "group", "steps", "prior", "place", "options", "foreground PSNR, dB", "below the best", "low band off by",
        "seeds differ by", "at the edge", "tried (diverged)",
    )  # fmt: skip
    return table(head, body) + _caption(record)


def _lines(group: str, steps: int, found: Sequence[Combination]) -> Iterator[tuple]:
    """The best combinations, and that of the released values where it is not among them."""
    ranked = sorted((each for each in found if not each.failed), key=lambda each: -each.psnr)
    released = RELEASED.get((group, steps), {})
    known = "released values" if released else "defaults"
    for place, each in enumerate(ranked, 1):
        if place > BEST and each.options != released:
            continue
        yield (
            f"`{group}`", steps, _prior(each.rows[0]), f"{place}, {known}" if each.options == released else place,
            _told(each.options), f"{each.psnr:.2f}", f"{ranked[0].psnr - each.psnr:.2f}", _percent(each, "low_error"),
            _percent(each, "low_spread"), _edge(each.options, found) if place == 1 and released else "–", _count(found),
        )  # fmt: skip
    for each in (each for each in found if each.failed and each.options == released):
        yield (f"`{group}`", steps, _prior(each.rows[0]), f"diverged, {known}", _told(each.options),
               *["–"] * 5, _count(found))  # fmt: skip


def _groups(rows: Sequence[Row]) -> dict[tuple[str, int], list[Combination]]:
    """By group and steps; combinations that were run on fewer scans than others are no match for these and stay out."""
    found: dict[tuple[str, int], dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        options = {name: value for name, value in row["options"].items() if name != "steps"}
        found[row["group"], row["options"]["steps"]][json.dumps(options)][row["scan"]] = row
    return {key: list(_complete(by)) for key, by in found.items()}


def _complete(by: Mapping[str, Mapping[str, Row]]) -> Iterator[Combination]:
    most = max(map(len, by.values()))
    for told, members in by.items():
        if len(members) == most:
            yield Combination(json.loads(told), tuple(members.values()))


def _edge(options: dict[str, Any], found: Sequence[Combination]) -> str:
    """Which of the best combination's numbers are the smallest or largest that were tried, of three or more."""
    told = []
    for name, value in options.items():
        tried = {each.options[name] for each in found if name in each.options}
        if len(tried) > 2 and value in (min(tried), max(tried)):
            told.append(f"{name}, the {'smallest' if value == min(tried) else 'largest'}")
    return "; ".join(told) or "no"


def _count(found: Sequence[Combination]) -> str:
    return f"{len(found)} ({sum(each.failed for each in found)})"


def _told(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items()) or "defaults"


def _prior(row: Row) -> str:
    return prior({"name": row["prior"], "sha256": row["weights_sha256"]})


def _percent(each: Combination, key: str) -> str:
    return f"{100 * mean(row[key] for row in each.rows):.2g} %"


def _caption(record: Record) -> str:
    scored = {row["scan"]: row["scored"] for row in record["rows"] if row["mean"] is not None}
    return (
        f"\n\n*R {record['accel']:g}: {sum(scored.values())} slices of {len(scored)} tuning volumes, mask seed 0; "
        f"standard conditions, protocol {record['protocol']}, reference {record['reference']}; {machine(record)}, "
        f"commit {record['commit']}.* Mean foreground PSNR. Low band: norm of its error over that of the truth's; "
        "seeds: share of its energy that two of them differ by. At the edge: options whose best value is the smallest "
        "or largest of three or more. Diverged or refused combinations have no place."
    )
