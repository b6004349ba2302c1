"""Seconds a slice of the CT methods, and how many times faster than the DDPM at all its steps they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sheets.ct_parts import called, order, prior_of
from sheets.parts import Record, machine, table

RIVAL, ALL_STEPS = "ddpm", 1000


def ct_speed(records: Sequence[Record]) -> str:
    """One line a method and number of steps, one column a number of slices in the batch."""
    (record,) = records
    lines: dict[tuple, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for row in record["rows"]:
        lines[order(row), called(row["method"], row["options"]), prior_of(row)][row["slices"]] = row
    sizes = sorted({row["slices"] for row in record["rows"]})
    rival = {row["slices"]: row["seconds_per_slice"] for row in record["rows"] if _is_rival(row)}
    body = []
    for (_, name, prior), by in sorted(lines.items()):
        seconds = [f"{by[n]['seconds_per_slice']:.3g}" if n in by else "–" for n in sizes]
        faster = [f"{rival[n] / by[n]['seconds_per_slice']:.0f}×" if n in by and n in rival else "–" for n in sizes]
        one = by[min(by)]
        memory = "–" if one["peak_memory_mib"] is None else f"{by[max(by)]['peak_memory_mib']:.0f}"
        body.append((name, prior, one["network_calls"] or "–", *seconds, *faster, memory))
    of = [f"{n} slice{'s' * (n > 1)}" for n in sizes]
    head = ("method", "network", "calls", *of, *(f"faster, {words}" for words in of), "MiB")
    matrix = "×".join(map(str, record["rows"][0]["matrix"]))
    repeats = len(record["rows"][0]["all_seconds"])
    return table(head, body) + (
        f"\n\n*Seconds a slice of {matrix}, by the slices of a volume; one warm-up, then the median of {repeats}; "
        f"{machine(record)}, commit {record['commit']}.* Faster: than `{RIVAL}` with {ALL_STEPS} steps and one sample. "
        "MiB: peak, with most slices."
    )


KINDS = (ct_speed,)


def _is_rival(row: Mapping[str, Any]) -> bool:
    return row["method"] == RIVAL and row["options"] == {"steps": ALL_STEPS}
