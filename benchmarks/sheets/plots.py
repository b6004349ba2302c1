"""Figures of docs/*.md and docs/methods/*.md from benchmarks/results/*.json, as tables.py makes its tables.

A block `<!-- plot:KIND/FILE -->` … `<!-- /plot -->` shows docs/figures/KIND-FILE.svg, the plot KIND of
results/FILE.json. The figure carries a hash of the numbers in it: it is drawn anew when that differs from the results',
and only then, so that another version of matplotlib changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from medrecon.bench.text import stored
from sheets.comparison import FOREGROUND
from sheets.fdmr import fdmr_cost
from sheets.fdmr_by_j import fdmr_curves
from sheets.figure import Figure
from sheets.hfs_speed import hfs_cost
from sheets.parts import ROOT, Record, record, rows_of
from sheets.trust import lines

FIGURES = ROOT / "docs" / "figures"
BLOCK = re.compile(r"(<!-- plot:([\w-]+)/([\w+-]+) -->\n).*?(<!-- /plot -->)", re.DOTALL)


def lesions(records: Sequence[Record]) -> Figure:
    """Contrast recovered by size, one panel an R."""

    def points(rows: Sequence[Record]) -> list[tuple[float, float]]:
        found = [x for row in rows for x in row["lesions"] if x["recovered"] is not None]
        sizes = sorted({x["diameter_mm"] for x in found})
        return [(size, mean(x["recovered"] for x in found if x["diameter_mm"] == size)) for size in sizes]

    return Figure("Contrast recovered of inserted lesions", "diameter, mm", "share", _panels(records, points))


def snr(records: Sequence[Record]) -> Figure:
    """Foreground PSNR by SNR, one panel an R."""

    def points(rows: Sequence[Record]) -> list[tuple[float, float]]:
        return [
            (level, _psnr([row for row in rows if row["snr"] == level])) for level in sorted({r["snr"] for r in rows})
        ]

    return Figure("Foreground PSNR by noise", "foreground SNR", "dB", _panels(records, points))


PLOTS: dict[str, Callable[[Sequence[Record]], Figure]] = {
    f.__name__: f for f in (lesions, snr, hfs_cost, fdmr_cost, fdmr_curves)
}


def linked(page: str, results: Path, folder: Path) -> str:
    """`page`, which lies in `folder`, with its links made anew; a sentence for what was not measured yet."""
    figures = Path(os.path.relpath(FIGURES, folder)).as_posix()

    def block(found: re.Match[str]) -> str:
        missing = [f"`benchmarks/results/{path.name}`" for path in _paths(found[3], results) if not path.exists()]
        told = f"*Not measured yet: {', '.join(missing)}.*"
        link = f"![{found[2]}]({figures}/{_name(found[2], found[3])})"
        return f"{found[1]}{told if missing else link}\n{found[4]}"

    return BLOCK.sub(block, page)


def outdated(page: str, results: Path) -> list[tuple[Path, Figure]]:
    """The figures of a page that are missing or hold other numbers than the results; those not measured are left."""
    found = []
    for _, kind, files, _ in BLOCK.findall(page):
        paths = _paths(files, results)
        if all(path.exists() for path in paths):
            figure = PLOTS[kind](list(map(record, paths)))
            path = FIGURES / _name(kind, files)
            if not path.exists() or figure.digest not in path.read_text():
                found.append((path, figure))
    return found


def _panels(
    records: Sequence[Record], points: Callable[[Sequence[Record]], list[tuple[float, float]]]
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for setting, (name, prior), rows in lines(rows_of(records)):
        label = name.replace("`", "") + ("" if prior == "–" else f" ({prior.split()[0]})")
        found.setdefault(f"R {setting.split()[-1]}, {setting.split()[0]}", {})[label] = points(rows)
    return found


def _psnr(rows: Sequence[Record]) -> float:
    return mean(s[FOREGROUND] for row in rows for s in row["slices"] if s[FOREGROUND] is not None)


def _paths(files: str, results: Path) -> list[Path]:
    return [stored(results / f"{stem}.json") for stem in files.split("+")]


def _name(kind: str, files: str) -> str:
    return f"{kind}-{files}.svg"
