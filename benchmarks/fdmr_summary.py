"""What issue 7 asks of the rows and curves of `fdmr_bench`, as numbers. No torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, median
from typing import Any

Row = Mapping[str, Any]
Rows = Sequence[Row]
FOREGROUND = "psnr_foreground"
LEAD = 1.0
"""dB by which fdmr is to lead dip."""
OURS = ("fdmr", "fdmr, all weights")


def summary(rows: Rows, curves: Rows) -> dict[str, Any]:
    """Means by group and R, of rows and of curves."""
    return {"table": lines(rows), "gains": gains(rows), "curves": curve_means(curves), "leads": leads(curves)}


def lines(rows: Rows) -> list[dict[str, Any]]:
    """Each entry's mean scores on the slices that all entries of its group and R have, and its median seconds."""
    found = []
    for (group, accel), members in by(rows, "group", "accel").items():
        shared = shared_slices(members)
        for (entry,), each in by(members, "entry").items():
            own = [row for row in each if shared.get(row["scan"])]
            scored = [row["slices"][i] for row in own for i in shared[row["scan"]]]
            if scored:
                scores = {key: mean(s[key] for s in scored) for key in scored[0]}
                seconds = median(row["seconds_per_slice"] for row in own)
                costs = {"seconds_per_slice": seconds, "slices": len(scored), "at_once": batches(own)}
                found.append({"group": group, "accel": accel, "entry": entry, **scores, **costs})
    return found


def shared_slices(rows: Rows) -> dict[str, list[int]]:
    """By scan, the slices that every entry with rows of that scan was scored on."""
    found: dict[str, set[int]] = {}
    for row in rows:
        own = set(scored_slices(row))
        found[row["scan"]] = found.get(row["scan"], own) & own
    return {scan: sorted(slices) for scan, slices in found.items()}


def scored_slices(row: Row) -> list[int]:
    return [i for i, each in enumerate(row["slices"]) if each[FOREGROUND] is not None]


def batches(rows: Rows) -> list[int]:
    """How many slices went through the network at once: one where all weights adapt, which are then a slice's own."""
    return sorted({1 if _alone(row["options"]) else row["batch"] for row in rows})


def _alone(options: Mapping[str, Any]) -> bool:
    return options.get("parameters") == "all" or options.get("mode") in ("adadiff", "dip") or options.get("batch") == 1


def gains(rows: Rows) -> list[dict[str, Any]]:
    """Foreground dB that fdmr gains over each other entry, on the same slices, and its share of that one's seconds.

    `at_once` says how many slices of either went together: shares are of what a slice takes as the entries are run.
    """
    found = []
    for (group, accel), members in by(rows, "group", "accel").items():
        entries = {entry: each for (entry,), each in by(members, "entry").items()}
        for ours in (name for name in OURS if name in entries):
            for other in (name for name in entries if name != ours):
                by_scan = {scan: mean(d) for scan, d in differences(entries[ours], entries[other]).items()}
                if by_scan:
                    share = median(r["seconds_per_slice"] for r in entries[ours])
                    share /= median(r["seconds_per_slice"] for r in entries[other])
                    found.append({
                        "group": group, "accel": accel, "of": ours, "over": other, "db": mean(by_scan.values()),
                        "by_scan": by_scan, "share_of_seconds": share,
                        "at_once": [batches(entries[ours]), batches(entries[other])],
                    })  # fmt: skip
    return found


def differences(ours: Rows, others: Rows) -> dict[str, list[float]]:
    """By scan, foreground PSNR of `ours` less that of `others` on each slice that both have."""
    found: dict[str, list[float]] = {}
    for one, other in ((a, b) for a in ours for b in others if a["scan"] == b["scan"]):
        both = [i for i in scored_slices(one) if i in scored_slices(other)]
        if both:
            found[one["scan"]] = [one["slices"][i][FOREGROUND] - other["slices"][i][FOREGROUND] for i in both]
    return found


def curve_means(curves: Rows) -> list[dict[str, Any]]:
    """Mean foreground PSNR by J; and what stopping by E2 gives away of what the truth would choose, in J and dB."""
    found = []
    for (group, accel, entry), members in by(curves, "group", "accel", "entry").items():
        slices = [each for row in members for each in row["slices"]]
        at = slices[0]["at"]
        scores = [dict(zip(each["at"], each[FOREGROUND], strict=True)) for each in slices]
        found.append({
            "group": group, "accel": accel, "entry": entry, "at": at,
            FOREGROUND: [mean(score[j] for score in scores) for j in at],
            "kept": [each["stopped"]["kept"] for each in slices], "ran": [each["stopped"]["ran"] for each in slices],
            "best": [each["best"] for each in slices],
            "lost_db": mean(s[e["best"]] - s[e["stopped"]["at"]] for s, e in zip(scores, slices, strict=True)),
        })  # fmt: skip
    return found


def leads(curves: Rows) -> list[dict[str, Any]]:
    """The iterates at which an adapted prior leads dip by `LEAD` dB at equal J: first and last, None where never."""
    return [
        {"group": group, "accel": accel, "entry": entry, **_lead(ours, dip)}
        for group, accel, entry, ours, dip in _beside_dip(curves)
    ]


def _lead(ours: Mapping[int, float], dip: Mapping[int, float]) -> dict[str, Any]:
    ahead = [j for j in ours if j in dip and ours[j] - dip[j] >= LEAD]
    best = max(dip.values())
    return {
        "first": min(ahead, default=None),
        "last": max(ahead, default=None),
        "over_best_dip": next((j for j in ours if ours[j] >= best + LEAD), None),
    }


def _beside_dip(curves: Rows) -> Iterator[tuple[str, float, str, dict[int, float], dict[int, float]]]:
    means = {
        (c["group"], c["accel"], c["entry"]): dict(zip(c["at"], c[FOREGROUND], strict=True))
        for c in curve_means(curves)
    }
    for (group, accel, entry), ours in means.items():
        if entry != "dip" and (group, accel, "dip") in means:
            yield group, accel, entry, ours, means[group, accel, "dip"]


def by(rows: Rows, *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows that agree in `names`, in the order in which these came."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found
