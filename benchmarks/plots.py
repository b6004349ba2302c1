"""Figures of docs/benchmarks.md from benchmarks/results/*.json, as tables.py makes its tables.

A block `<!-- plot:KIND/FILE -->` … `<!-- /plot -->` shows docs/figures/KIND-FILE.svg, the plot KIND of
results/FILE.json. The figure carries a hash of the numbers in it: it is drawn anew when that differs from the results',
and only then, so that another version of matplotlib changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from statistics import mean

from comparison import FOREGROUND
from table_parts import ROOT, Record, record, rows_of
from trust_tables import lines

FIGURES = ROOT / "docs" / "figures"
BLOCK = re.compile(r"(<!-- plot:([\w-]+)/([\w+-]+) -->\n).*?(<!-- /plot -->)", re.DOTALL)
STYLES = ("-o", "--s", "-.^", ":D", "-v", "--<", "-.>", ":p")


@dataclass(frozen=True)
class Figure:
    """Panels side by side: title to curve to points (x, y)."""

    title: str
    x: str
    y: str
    panels: dict[str, dict[str, list[tuple[float, float]]]]

    @property
    def digest(self) -> str:
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


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


PLOTS: dict[str, Callable[[Sequence[Record]], Figure]] = {f.__name__: f for f in (lesions, snr)}


def linked(page: str, results: Path) -> str:
    """`page` with the link in every block made anew; a sentence where nothing was measured yet."""

    def block(found: re.Match[str]) -> str:
        missing = [f"`benchmarks/results/{path.name}`" for path in _paths(found[3], results) if not path.exists()]
        told = f"*Not measured yet: {', '.join(missing)}.*"
        link = f"![{found[2]}](figures/{_name(found[2], found[3])})"
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


def draw(figure: Figure, path: Path) -> None:
    """Write the figure as SVG, its digest in the description."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context({"svg.hashsalt": "medrecon", "svg.fonttype": "none"}):
        canvas = Canvas(figsize=(3.4 * len(figure.panels), 3.2), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots(1, len(figure.panels), sharey=True, squeeze=False)[0]
        for ax, (title, curves) in zip(axes, figure.panels.items(), strict=True):
            for style, (label, points) in zip(STYLES * len(curves), curves.items(), strict=False):
                ax.plot(*zip(*points, strict=True), style, label=label, markersize=4, linewidth=1)
            ax.set(title=title, xlabel=figure.x)
            ax.grid(alpha=0.3)
        axes[0].set_ylabel(figure.y)
        axes[-1].legend(fontsize="x-small")
        canvas.suptitle(figure.title)
        path.parent.mkdir(exist_ok=True)
        canvas.savefig(path, metadata={"Date": None, "Description": figure.digest})


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
    return [results / f"{stem}.json" for stem in files.split("+")]


def _name(kind: str, files: str) -> str:
    return f"{kind}-{files}.svg"
