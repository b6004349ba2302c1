"""The lattice that networks of latents leave, scan by scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sheets.ct_parts import called, order
from sheets.parts import Record, machine, prior, table

WORDS = (
    " In each field, in HU: standard deviation over the 16 places of a block of 4×4 pixels of the mean error there, in "
    "soft tissue / in air. Low dose: what noise alone does to such means."
)


def ct_lattice(records: Sequence[Record]) -> str:
    """One line a dose, method and network, one column a scan."""
    rows = [row for record in records for row in record["rows"]]
    scans = {row["scan"]: row["slices"] for row in rows}
    lines: dict[tuple, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in rows:
        lines[-row["dose"], order(row), called(row["method"], row["options"]), prior(row["weights"])][row["scan"]] = row
    body = [
        (f"{-100 * dose:g} %", name, network, *(_field(by.get(scan)) for scan in scans))
        for (dose, _, name, network), by in sorted(lines.items())
    ]
    machines = "; ".join(dict.fromkeys(f"{machine(record)}, commit {record['commit']}" for record in records))
    caption = f"\n\n*{sum(scans.values())} slices of {len(scans)} scans, dose simulated; {machines}.*"
    return table(("dose", "method", "network", *scans), body) + caption + WORDS


KINDS = (ct_lattice,)


def _field(row: Mapping[str, Any] | None) -> str:
    return "–" if row is None else f"{row['soft tissue']:.2f} / {row['air']:.2f}"
