"""Panels in a grid, one slice a row, with a heading and a foot: the layout of the pictures of MR and CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_SLICES = 3
PANEL, MIN_WIDTH = 3.0, 8.0  # inches: longer side of a panel, and room for the heading
HEAD, FOOT, CAPTION, GAP = 0.60, 0.46, 0.30, 0.08  # inches
INK, FAINT, PAPER = "#f2f2f2", "#a8a8a8", "#101214"
DISCLAIMER = "medrecon: research use only, not for diagnosis"


@dataclass(frozen=True, eq=False)
class Panel:
    """An image `(y, x)` shown from `bottom` (dark) to `top` (bright)."""

    image: Tensor
    top: float
    title: str
    colours: str = "gray"
    bottom: float = 0.0


@dataclass(frozen=True)
class Words:
    """What stands around the panels: title and line above them, foot below."""

    title: str
    line: str
    foot: str


def panel_figure(rows: Sequence[Sequence[Panel]], aspect: float, words: Words) -> Figure:
    """A matplotlib figure of its own canvas; `aspect` is the height of a pixel over its width."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = _panel_size(rows[0][0].image, len(rows[0]), aspect)
    size = max(len(rows[0]) * (width + GAP) + GAP, MIN_WIDTH), len(rows) * (height + CAPTION) + HEAD + FOOT
    picture = Figure(figsize=size, facecolor=PAPER)
    FigureCanvasAgg(picture)
    for i, row in enumerate(rows):
        for j, content in enumerate(row):
            x, y = GAP + j * (width + GAP), size[1] - HEAD - (i + 1) * (height + CAPTION)
            axes = picture.add_axes((x / size[0], y / size[1], width / size[0], height / size[1]))
            _show(axes, content, aspect)
    left = GAP / size[0]
    picture.text(left, 1 - 0.10 / size[1], words.title, fontsize=11, color=INK, va="top", weight="bold")
    picture.text(left, 1 - 0.34 / size[1], words.line, fontsize=9, color=FAINT, va="top")
    picture.text(left, 0.10 / size[1], words.foot, fontsize=8, color=FAINT, va="bottom")
    return picture


def shown_slices(n: int) -> list[int]:
    """Up to three slices, evenly spaced; the middle one if one is shown."""
    shown = min(n, MAX_SLICES)
    return [(2 * i + 1) * n // (2 * shown) for i in range(shown)]


def _panel_size(image: Tensor, columns: int, aspect: float) -> tuple[float, float]:
    """(width, height) in inches; few columns are drawn larger, up to the width that the heading needs."""
    height, width = image.shape[-2] * aspect, image.shape[-1]
    scale = PANEL / max(height, width)
    fill = (MIN_WIDTH - GAP) / columns - GAP
    scale = max(scale, min(fill / width, 1.5 * scale))
    return scale * width, scale * height


def _show(axes: Axes, content: Panel, aspect: float) -> None:
    pixels = torch.nan_to_num(content.image.float()).numpy()
    axes.imshow(
        pixels, cmap=content.colours, vmin=content.bottom, vmax=content.top, aspect=aspect, interpolation="nearest"
    )
    axes.set_title(content.title, fontsize=9, color=INK, pad=4)
    axes.set_axis_off()
