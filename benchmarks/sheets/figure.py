"""What a figure holds, how it is known by its numbers, and how it is drawn."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

STYLES = ("-o", "--s", "-.^", ":D", "-v", "--<", "-.>", ":p")


@dataclass(frozen=True)
class Figure:
    """Panels side by side: title to curve to points (x, y)."""

    title: str
    x: str
    y: str
    panels: dict[str, dict[str, list[tuple[float, float]]]]

    scale: ClassVar[str] = "linear"
    size: ClassVar[tuple[float, float]] = (3.4, 3.2)
    """Of a panel, in inches."""

    @property
    def digest(self) -> str:
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def style(self, number: int, label: str) -> str:  # noqa: ARG002
        """Of the curve of that number and label."""
        return STYLES[number % len(STYLES)]


@dataclass(frozen=True)
class CostFigure(Figure):
    """A quality against its cost, which spans decades; curves of one kind have one marker.

    styles : label of a curve to its style.
    """

    styles: dict[str, str]

    scale: ClassVar[str] = "log"
    size: ClassVar[tuple[float, float]] = (7.2, 4.6)

    def style(self, number: int, label: str) -> str:  # noqa: ARG002
        return self.styles[label]


def draw(figure: Figure, path: Path) -> None:
    """Write the figure as SVG, its digest in the description."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context({"svg.hashsalt": "medrecon", "svg.fonttype": "none"}):
        width, height = figure.size
        canvas = Canvas(figsize=(width * len(figure.panels), height), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots(1, len(figure.panels), sharey=True, squeeze=False)[0]
        for ax, (title, curves) in zip(axes, figure.panels.items(), strict=True):
            for number, (label, points) in enumerate(curves.items()):
                style = figure.style(number, label)
                ax.plot(*zip(*points, strict=True), style, label=label, markersize=4, linewidth=1)
            ax.set(title=title, xlabel=figure.x, xscale=figure.scale)
            ax.grid(alpha=0.3)
        axes[0].set_ylabel(figure.y)
        axes[-1].legend(fontsize="x-small")
        canvas.suptitle(figure.title)
        path.parent.mkdir(exist_ok=True)
        canvas.savefig(path, metadata={"Date": None, "Description": figure.digest})
