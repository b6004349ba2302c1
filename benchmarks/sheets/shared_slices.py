"""Lines of a table on what all of them were measured on: the same slices under the same masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sheets.comparison import Row, Variant

Place = tuple[str, int, int]
"""Scan, mask seed and number of the slice."""


def shared(lines: Sequence[Variant]) -> list[Variant]:
    """The lines in their order, each with the slices alone that all have scores for; none where there is no such."""
    common = set.intersection(*(set(_places(line)) for line in lines)) if lines else set()
    return [_on(line, common) for line in lines] if common else []


def _places(line: Variant) -> Iterator[Place]:
    for row in line.rows:
        yield from (
            (row["scan"], row["seed"], i) for i, scores in enumerate(row["slices"]) if scores["psnr"] is not None
        )


def _on(line: Variant, common: set[Place]) -> Variant:
    rows = (_part(row, common) for row in line.rows)
    return replace(line, rows=tuple(row for row in rows if row["slices"]))


def _part(row: Row, common: set[Place]) -> Row:
    slices = [scores for i, scores in enumerate(row["slices"]) if (row["scan"], row["seed"], i) in common]
    return {**row, "slices": slices, "scored": len(slices)}
