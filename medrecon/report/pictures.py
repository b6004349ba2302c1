"""Slices as small pictures inside the page, bounded in size each and together."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch.nn.functional import adaptive_avg_pool2d

from medrecon.io.thumbnail import coloured_png, unit_png
from medrecon.report.groups import extremes
from medrecon.report.results import Result
from medrecon.report.stack import Panel

SIDES = (256, 192, 128, 96)
"""Pixels a side at most: the first at which FEW slices of each volume fit, else the last."""
FEW = 8
BYTES_A_PIXEL = 0.9
"""Of noisy heads, in base64; the limit itself is held to when the pictures are made."""
URI = "data:image/png;base64,"


@dataclass(frozen=True)
class Picture:
    """A panel as a data URI; `width` and `height` are its pixels, `aspect` is the width over the height as shown."""

    uri: str
    title: str
    width: int
    height: int
    aspect: float


@dataclass
class Budget:
    """Bytes of pictures that the page may hold."""

    limit: int
    spent: int = 0
    is_spent: bool = field(default=False, init=False)

    def pictures(self, panels: Sequence[Panel], side: int, aspect: float) -> list[Picture] | None:
        """The panels of a slice, or None where they no longer fit; `aspect` is the width of a pixel over its height."""
        if self.is_spent:
            return None
        found = [picture(panel, side, aspect) for panel in panels]
        size = sum(len(each.uri) for each in found)
        if self.spent + size > self.limit:
            self.is_spent = True
            return None
        self.spent += size
        return found


def picture(panel: Panel, side: int, aspect: float) -> Picture:
    """Averaged down to at most `side` pixels a side; small images keep their pixels."""
    height, width = panel.pixels.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(scale * height)), max(1, round(scale * width)))
    pixels = torch.nan_to_num(panel.pixels.float()).clamp(0, 1)
    if size != (height, width):
        pixels = adaptive_avg_pool2d(pixels[None], size)[0]
    data = coloured_png(pixels, _palette()) if panel.warm else unit_png(pixels)
    uri = URI + base64.b64encode(data).decode()
    return Picture(uri, panel.title, size[1], size[0], aspect * width / height)


@dataclass(frozen=True)
class Plan:
    """How large pictures are, and how many slices of a volume are shown at most."""

    side: int
    slices: int

    def shown(self, result: Result, score: object) -> list[int]:
        """Evenly spaced slices of the result, its worst and its best among them."""
        n = result.n_slices
        if n <= self.slices:
            return list(range(n))
        chosen = {round(i * (n - 1) / max(self.slices - 1, 1)) for i in range(self.slices)}
        return sorted(chosen.union(extremes(result, score) or () if score is not None else ()))  # type: ignore[arg-type]


def plan(results: Sequence[Result], limit: int) -> Plan:
    """The largest pictures at which FEW slices of each volume fit into `limit` bytes."""
    shown = [result for result in results if result.shape is not None]
    for side in SIDES:
        costs = [_cost(result, side) for result in shown]
        most = max((result.n_slices for result in shown), default=1)
        fitting = [k for k in range(1, most + 1) if _total(shown, costs, k) <= limit]
        k = fitting[-1] if fitting else 1
        if k >= min(FEW, most) or side == SIDES[-1]:
            return Plan(side, k)
    raise AssertionError("the last side always returns")


def _total(results: Sequence[Result], costs: Sequence[float], k: int) -> float:
    # worst and best slices may stand beside the evenly spaced ones
    return sum(min(result.n_slices, k + 2) * cost for result, cost in zip(results, costs, strict=True))


def _cost(result: Result, side: int) -> float:
    assert result.shape is not None
    height, width = result.shape[1:]
    scale = min(1.0, side / max(height, width))
    parts = len(result.panels) + ("reference" in result.panels)
    return parts * scale**2 * height * width * BYTES_A_PIXEL


@cache
def _palette() -> bytes:
    """Black over red to pale yellow, as the pictures of `medrecon mri` have it."""
    from matplotlib import colormaps

    colours = colormaps["inferno"](range(256))[:, :3]
    return (255 * colours).round().astype("uint8").tobytes()
