"""Who a row is: one (suite, scan, condition, method, options, weights), whatever machine made it and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
CONDITION = ("suite", "scan", "coils", "snr", "simulated_slices", "mask", "accel", "seed")
VARIANT = ("perturbed", "perturbation", "centre", "dose")
METHOD = ("method", "options", "asked_slices")


def identity(row: Mapping[str, Any]) -> str:
    """Stable text that tells this row from every other one of a campaign; a planned unit has it before its row."""
    weights = row.get("weights") or {}
    return json.dumps([work(row), weights.get("sha256")])


def work(row: Mapping[str, Any]) -> str:
    """The same without the weights' hash: rows of earlier weights share it with those that replace them."""
    weights = row.get("weights") or {}
    fields = [row.get(name) for name in (*CONDITION, *VARIANT, *METHOD)]
    return json.dumps([*fields, weights.get("name")], sort_keys=True)


def condition_words(row: Mapping[str, Any]) -> str:
    """The condition of a row, or of a unit's fields, for people."""
    how = f"dose {row['dose']:g}" if "dose" in row else f"{row['mask']} R {row['accel']:g}, {row['coils']} coils"
    snr = "" if row.get("snr") is None else f", SNR {row['snr']:g}"
    return f"{row['suite']}, {row['scan']}, {how}{snr}, seed {row['seed']}"


def distinct(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """(rows, repeated ones that were left out); of rows that are the same work by the same weights the first stays."""
    found: dict[str, Row] = {}
    repeated = [row for row in rows if found.setdefault(identity(row), row) is not row]
    return list(found.values()), repeated
