"""What further steps of cold diffusion buy, dose by dose: RMSE against texture and the contrast of lesions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import mean

from sheets.comparison import Row
from sheets.ct_parts import TOLD, called, order
from sheets.parts import Record, machine, table

SHOWN = ("input", "one-step", "cold-latent")
WORDS = (
    " In each field: RMSE in HU (ct-full) / noise over that of full dose / distance of the noise power spectrum from "
    "that of full dose, strength included / contrast of lesions recovered. Means over scans."
)


def ct_steps(records: Sequence[Record]) -> str:
    """One line a method with its options, one column a dose; of rows of several files, those that every dose has."""
    rows = [row for record in records for row in record["rows"] if row["method"] in SHOWN]
    doses = sorted({row["dose"] for row in rows}, reverse=True)
    groups: dict[tuple[str, str], dict[float, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: (order(row), _further(row))):
        groups[row["method"], json.dumps(row["options"], sort_keys=True)][row["dose"]].append(row)
    body = [
        (_named(by[doses[0]][0]), *(_field(by[dose]) for dose in doses))
        for by in groups.values()
        if set(by) == set(doses)
    ]
    scans = sorted({row["scan"] for row in rows})
    machines = "; ".join(dict.fromkeys(f"{machine(record)}, commit {record['commit']}" for record in records))
    slices = sum(max(row["scored"] for row in rows if row["scan"] == scan) for scan in scans)
    caption = f"\n\n*{slices} slices of {len(scans)} scans ({', '.join(scans)}), dose simulated; {machines}.*"
    return table(("method", *(f"{100 * dose:g} %" for dose in doses)), body) + caption + WORDS


KINDS = (ct_steps,)


def _further(row: Row) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(row["options"].items()) if key not in TOLD)


def _named(row: Row) -> str:
    return ", ".join(filter(None, [called(row["method"], row["options"]), _further(row)]))


def _field(rows: Sequence[Row]) -> str:
    noise = [row["noise"] for row in rows if row["noise"]]
    contrast = _told((x["recovered"] for row in rows for x in row["lesions"] or ()), "{:.2f}".format)
    return " / ".join([
        _told((row["mean"]["rmse"] for row in rows), "{:.2f}".format),
        _told((each["deviation_ratio"] for each in noise), "{:.2f}".format),
        _told((each["power"] for each in noise), "{:.2f}".format),
        contrast if rows[0]["method"] != "input" else "–",
    ])  # fmt: skip


def _told(values: Iterable[float], form: Callable[[float], str]) -> str:
    known = list(values)
    return form(mean(known)) if known else "–"
