"""Scores of slices on disk: one list a score in place of one table a slice, so that a row takes half the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SLICES = "slices"


def packed(row: Mapping[str, Any]) -> dict[str, Any]:
    """`row` with its slices as columns; as it is where they have not all the same scores."""
    slices = row.get(SLICES)
    if not slices or any(list(each) != list(slices[0]) for each in slices):
        return dict(row)
    return {**row, SLICES: {name: [each[name] for each in slices] for name in slices[0]}}


def unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row that `packed` was given."""
    columns = row.get(SLICES)
    if not isinstance(columns, Mapping):
        return dict(row)
    return {**row, SLICES: [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]}
