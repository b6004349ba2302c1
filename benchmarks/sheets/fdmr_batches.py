"""Seconds a slice by how many slices go at once, each entry against the DDPM of a thousand steps with as many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean, median

from fdmr_summary import by

from sheets.comparison import Row
from sheets.fdmr import RIVAL, caption
from sheets.parts import Record, table


def fdmr_batches(records: Sequence[Record]) -> str:
    """A line an entry; times faster are of the volumes and R that both have at that number of slices."""
    (held,) = records
    rows = held.get("batches", [])
    if not rows:
        return "*Not measured yet.*"
    entries, sizes = by(rows, "entry"), sorted({row["most"] for row in rows})
    whole = max(map(len, entries.values()))
    body = [
        (
            f"{entry}{' (not all cases)' if len(members) < whole else ''}",
            *(_seconds(_at(members, most)) for most in sizes),
            *(_faster(_at(members, most), _at(entries.get((RIVAL,), []), most)) for most in sizes),
        )
        for (entry,), members in entries.items()
    ]
    named = [" or ".join(map(str, sorted({row["batch"] for row in rows if row["most"] == most}))) for most in sizes]
    head = ("entry", *(f"seconds a slice, {n} at once" for n in named), *(f"faster than {RIVAL}, {n}" for n in named))
    slices = sum(max(row["batch"] for row in members) for members in by(rows, "scan").values())
    accels = " and ".join(f"{accel:g}" for accel in sorted({row["accel"] for row in rows}))
    return (
        table(head, body)
        + caption(held, rows, slices)
        + (
            f" Median over the volumes, mean over R {accels}; calibration excluded, one run after one of a few "
            f"iterations. That many slices go through the network together, those of `{RIVAL}` as well."
        )
    )


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (fdmr_batches,)


def _at(rows: Sequence[Row], most: int) -> list[Row]:
    return [row for row in rows if row["most"] == most]


def _seconds(rows: Sequence[Row]) -> str:
    return f"{mean(map(_median, by(rows, 'accel').values())):.3g}" if rows else "–"


def _faster(ours: Sequence[Row], others: Sequence[Row]) -> str:
    """Ratio of the medians, mean over R."""
    told = []
    for accel in {row["accel"] for row in ours}:
        mine, theirs = ({r["scan"]: r for r in rows if r["accel"] == accel} for rows in (ours, others))
        both = [scan for scan in mine if scan in theirs]
        if both:
            told.append(_median([theirs[scan] for scan in both]) / _median([mine[scan] for scan in both]))
    return f"{mean(told):.3g}×" if told else "–"


def _median(rows: Sequence[Row]) -> float:
    return median(row["seconds_per_slice"] for row in rows)
