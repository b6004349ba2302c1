"""Pieces of the tables: rows of Markdown, names of priors and machines, what must stand beside a score."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from medrecon.bench.columns import unpacked
from medrecon.bench.seeds import spread_over_seeds
from medrecon.bench.text import read_text
from sheets.comparison import CONTROLS, FOREGROUND, Row, Variant, joined, settings

ROOT = Path(__file__).parent.parent.parent
REGISTRY = ROOT / "medrecon" / "weights" / "registry.json"
Record = dict[str, Any]


def table(head: Sequence[object], body: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def name(line: Variant, detailed: bool = True) -> str:
    further = [line.choice, line.detail if detailed or not line.choice else ""]
    return ", ".join([f"`{line.method}`", *filter(None, further)])


def prior(weights: dict[str, str] | None) -> str:
    if weights is None:
        return "–"
    called = weights["name"].removesuffix(".safetensors")
    label = f"{called} `{weights['sha256'][:8]}`"
    if called in CONTROLS:
        return f"{label}, not shipped"
    return label if weights["sha256"] in _registered() else f"{label}, earlier weights"


def pair(line: Variant, where: str) -> str:
    return f"{line.score('psnr' + where):.2f} / {line.score('ssim' + where):.3f}"


def seconds(line: Variant, several: bool) -> str:
    """Calibration included; the kind of machine beside them where there are several."""
    return f"{line.seconds():.2g}" + (f" ({line.on})" if several else "")


def low_band(line: Variant) -> str:
    """Mean error of the low band, and its standard deviation over seeds."""
    error, spread = low_band_error(line), spread_over_seeds(line.rows, lambda row: row.get("low_band_error"))
    more = "" if spread is None else f" ± {100 * spread:.2f}"
    return "–" if error is None else f"{100 * error:.2f} %{more}"


def low_band_error(line: Variant) -> float | None:
    """Mean over scans and seeds."""
    known = [error for row in line.rows if (error := row.get("low_band_error")) is not None]
    return mean(known) if known else None


def over_seeds(line: Variant) -> str:
    """Standard deviation over seeds of the mean foreground PSNR, in dB."""
    spread = spread_over_seeds(line.rows, _foreground)
    return "–" if spread is None else f"{spread:.2f}"


def net(rows: Sequence[Row]) -> float:
    return mean(row["net_acceleration"] for row in rows)


def rows_of(records: Sequence[Record]) -> list[Row]:
    """Rows of all files, each with the kind of machine that it ran on."""
    return joined([{**row, "on": record["device"]} for row in record["rows"]] for record in records)


def caption(records: Sequence[Record], rows: Sequence[Row]) -> str:
    """Slices, seeds, protocol, reference, coils, machine and commit, as evaluation.md 9 wants them beside every row."""
    told_r = "; ".join(f"R {accel:g}: {_extent(members)}" for (_, accel), members in settings(rows).items())
    simulated = any(row["reference"] == "simulated" for row in rows)
    told = {key: ", ".join(sorted({str(row[key]) for row in rows})) for key in ("protocol", "reference", "coils")}
    machines = "; ".join(dict.fromkeys(f"{machine(r)}, commit {r['commit']}" for r in records))
    return (
        f"\n\n*{told_r}; protocol {told['protocol']}, reference {told['reference']}; {told['coils']} coils"
        + (f", SNR {records[0]['snr']}" if simulated else "")
        + f"; {machines}.*"
    )


def machine(record: Record) -> str:
    used = record["versions"]
    chip = used.get("gpu") or f"{record['device']}, {_plural(used['threads'], 'thread')}"
    return f"{chip}, torch {used['torch']}, medrecon {used['medrecon']}"


def record(path: Path) -> Record:
    """A file of results, its rows as they were measured."""
    held = json.loads(read_text(path))
    return {**held, "rows": list(map(unpacked, held["rows"]))}


def _foreground(row: Mapping[str, Any]) -> float | None:
    known = [value[FOREGROUND] for value in row["slices"] if value[FOREGROUND] is not None]
    return mean(known) if known else None


def _extent(rows: Sequence[Row]) -> str:
    scans = {row["scan"]: len(row["slices"]) for row in rows}
    slices, seeds = sum(scans.values()), ", ".join(str(s) for s in sorted({row["seed"] for row in rows}))
    named = f" ({next(iter(scans))})" if len(scans) == 1 else ""
    return f"{_plural(slices, 'slice')} of {_plural(len(scans), 'scan')}{named}, mask seeds {seeds}"


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("s" if n != 1 else "")


def _registered() -> set[str]:
    return {entry["sha256"] for entry in json.loads(REGISTRY.read_text())}
