"""What `sweep_fdmr.py` chose on tuning volumes, and what lay beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Any

from fdmr_summary import FOREGROUND, by

from sheets.parts import Record, machine, table


def fdmr_sweep(records: Sequence[Record]) -> str:
    """The options of each mode's best curves, and the others' distance: at the ends that were best for each."""
    (held,) = records
    body = []
    for line in sorted(held["compared"], key=lambda line: (line["options"]["parameters"], -line["psnr"])):
        options, end = line["options"], held["chosen"].get(line["options"]["parameters"], {}).get("options", {})
        is_chosen = all(end.get(name) == value for name, value in options.items())
        told = {name: value for name, value in options.items() if name != "parameters"}
        body.append((
            f"{options['parameters']}{', chosen' if is_chosen else ''}", _told(told), line["trust"], line["patience"],
            line["iterations"], f"{line['ran']:.0f}", f"{line['psnr']:.2f}",
        ))  # fmt: skip
    head = ("what adapts", "options", "trust", "patience", "at most", "iterations run", "foreground PSNR, dB")
    return (
        table(head, body)
        + _caption(held, held["rows"])
        + (
            " Stopped by E2, without refinement, with the trust, patience and most iterations that were best for the "
            "line."
        )
    )


def fdmr_ends(records: Sequence[Record]) -> str:
    """Kinds of refinement and of ends, with the chosen options otherwise."""
    (held,) = records
    body = []
    for mode, each in held["chosen"].items():
        base = {name: each["options"][name] for name in each["options"] if name not in ("refine", "level", "runs")}
        mine = [{**row, "how": json.dumps(row["options"])} for row in held["ends"] if row["base"] == base]
        for (how,), rows in by(mine, "how").items():
            accels = {a: mean(r["mean"][FOREGROUND] for r in members) for (a,), members in by(rows, "accel").items()}
            seconds = mean(row["seconds_per_slice"] for row in rows)
            scores = " / ".join(f"{accels[a]:.2f} (R {a:g})" for a in sorted(accels))
            body.append((mode, _told(json.loads(how)), scores, f"{mean(accels.values()):.2f}", f"{seconds:.2g}"))
    head = ("what adapts", "end", "foreground PSNR, dB", "mean", "seconds a slice")
    return (
        table(head, body)
        + _caption(held, held["ends"])
        + " Otherwise the chosen options; the J of E1: "
        + (", ".join(f"{mode} {each['fixed_count']}" for mode, each in held["chosen"].items()) + ".")
    )


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (fdmr_sweep, fdmr_ends)


def _told(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items()) or "defaults"


def _caption(held: Record, rows: Sequence[Mapping[str, Any]]) -> str:
    scans, accels = len({row["scan"] for row in rows}), sorted({row["accel"] for row in rows})
    return (
        f"\n\n*{scans} tuning volume{'s' * (scans != 1)}, R {' and '.join(f'{a:g}' for a in accels)}, 8 coils, SNR 40, "
        f"mask seed 0; protocol {held['protocol']}, reference {held['reference']}; {machine(held)}, commit "
        f"{held['commit']}.*"
    )
