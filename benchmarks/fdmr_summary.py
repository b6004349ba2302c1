"""What issue 7 asks of the rows and curves of `fdmr_bench`, as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

Rows = Sequence[Mapping[str, Any]]
LEAD = 1.0
"""dB by which fdmr is to lead dip."""


def summary(rows: Rows, curves: Rows) -> dict[str, Any]:
    """Means by group and R, of rows and of curves."""
    return {"table": table(rows), "gains": gains(rows), "curves": curve_means(curves), "leads": leads(curves)}


def table(rows: Rows) -> list[dict[str, Any]]:
    """Each entry's mean scores and median seconds, a line a group and R."""
    lines = []
    for (group, accel, entry), members in _by(rows, "group", "accel", "entry").items():
        scores = {key: mean(row["mean"][key] for row in members) for key in ("psnr", "ssim", "psnr_foreground")}
        seconds = median(row["seconds_per_slice"] for row in members)
        lines.append({"group": group, "accel": accel, "entry": entry, **scores, "seconds_per_slice": seconds})
    return lines


def gains(rows: Rows) -> list[dict[str, Any]]:
    """Decibels in the foreground that fdmr gains over what it is to be held against, on the same cases."""
    lines = []
    for (group, accel), members in _by(rows, "group", "accel").items():
        found = {(row["scan"], row["entry"]): row["mean"]["psnr_foreground"] for row in members}
        scans = dict.fromkeys(row["scan"] for row in members)
        for ours in ("fdmr", "fdmr, all weights"):
            for other in dict.fromkeys(row["entry"] for row in members):
                pairs = [(found.get((s, ours)), found.get((s, other))) for s in scans]
                differences = [a - b for a, b in pairs if a is not None and b is not None]
                if other != ours and differences:
                    lines.append({"group": group, "accel": accel, "of": ours, "over": other, "db": mean(differences)})
    return lines


def curve_means(curves: Rows) -> list[dict[str, Any]]:
    """Mean foreground PSNR by J; and what stopping by E2 gives away of what the truth would choose, in J and dB."""
    lines = []
    for (group, accel, entry), members in _by(curves, "group", "accel", "entry").items():
        slices = [each for row in members for each in row["slices"]]
        at = slices[0]["at"]
        scores = [dict(zip(each["at"], each["psnr_foreground"], strict=True)) for each in slices]
        lines.append({
            "group": group, "accel": accel, "entry": entry, "at": at,
            "psnr_foreground": [mean(score[j] for score in scores) for j in at],
            "kept": [each["stopped"]["kept"] for each in slices], "ran": [each["stopped"]["ran"] for each in slices],
            "best": [each["best"] for each in slices],
            "lost_db": mean(s[e["best"]] - s[e["stopped"]["at"]] for s, e in zip(scores, slices, strict=True)),
        })  # fmt: skip
    return lines


def leads(curves: Rows) -> list[dict[str, Any]]:
    """The iterates at which an adapted prior leads dip by `LEAD` dB at equal J: first and last, None where never."""
    means = {(c["group"], c["accel"], c["entry"]): dict(zip(c["at"], c["psnr_foreground"], strict=True))
             for c in curve_means(curves)}  # fmt: skip
    lines = []
    for (group, accel, entry), ours in means.items():
        theirs = means.get((group, accel, "dip"))
        if entry == "dip" or theirs is None:
            continue
        ahead = [j for j in ours if j in theirs and ours[j] - theirs[j] >= LEAD]
        best = max(theirs.values())
        lines.append({
            "group": group, "accel": accel, "entry": entry, "first": min(ahead, default=None),
            "last": max(ahead, default=None), "over_best_dip": next((j for j in ours if ours[j] >= best + LEAD), None),
        })  # fmt: skip
    return lines


def _by(rows: Rows, *names: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found
