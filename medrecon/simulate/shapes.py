"""Signed distances in mm (negative inside), random fields and a canvas: what the demo head is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from medrecon.simulate.tissue import Tissue, spin_echo

Field = NDArray[np.float64]

FAR = 14.0
"""Distance in mm beyond which lines and dots need not be told apart."""
MAX_WARP_MM = 12.0
"""More than any displacement that `Plane.warped` is used with."""


@final
class Plane:
    """Coordinates of a slice: `y`, `x` in mm as full arrays."""

    def __init__(self, y_mm: Field, x_mm: Field) -> None:
        self.origin = (float(y_mm[0]), float(x_mm[0]))
        self.step = (float(y_mm[1] - y_mm[0]), float(x_mm[1] - x_mm[0]))
        self.y, self.x = np.meshgrid(y_mm, x_mm, indexing="ij")

    def bent(self, y: Field, x: Field) -> Plane:
        """The same grid with other coordinates: shapes drawn on it appear deformed."""
        plane = copy(self)
        plane.y, plane.x = y, x
        return plane

    def warped(self, generator: np.random.Generator, amplitude_mm: float, shortest_mm: float) -> Plane:
        """Seen through a smooth random displacement: shapes lose their symmetry and their ruler-drawn look."""
        dy, dx = (amplitude_mm * self.noise(generator, shortest_mm, 3 * shortest_mm) for _ in range(2))
        return self.bent(self.y + dy, self.x + dx)

    def noise(self, generator: np.random.Generator, shortest_mm: float, longest_mm: float) -> Field:
        """Band-limited random field of unit variance with wavelengths from `shortest_mm` to `longest_mm`."""
        return band_limited(generator, (self.y.shape[0], self.y.shape[1]), self.step, shortest_mm, longest_mm)

    def gradient(self, field: Field) -> Field:
        """Magnitude of the gradient per mm."""
        along_y, along_x = np.gradient(field, *self.step)
        return np.hypot(along_y, along_x)

    def ellipse(self, centre: tuple[float, float], axes: tuple[float, float], turn_deg: float = 0.0) -> Field:
        """Distance to an ellipse with (x, y) centre and semi-axes in mm, first order in the gradient."""
        t = np.deg2rad(turn_deg)
        dx, dy = self.x - centre[0], self.y - centre[1]
        u, v = (dx * np.cos(t) + dy * np.sin(t)) / axes[0], (-dx * np.sin(t) + dy * np.cos(t)) / axes[1]
        r = np.maximum(np.hypot(u, v), 1e-6)
        return (r - 1) * r / np.maximum(np.hypot(u / axes[0], v / axes[1]), 1e-6)

    def stroke(self, points: Sequence[tuple[float, float, float]]) -> Field:
        """Distance to a line through (x, y, radius) points, of varying thickness; FAR beyond that."""
        best = np.full(self.x.shape, FAR)
        for (x0, y0, r0), (x1, y1, r1) in pairwise(points):
            near = self._window((min(x0, x1), max(x0, x1)), (min(y0, y1), max(y0, y1)), FAR + max(r0, r1))
            px, py = self.x[near] - x0, self.y[near] - y0
            ex, ey = x1 - x0, y1 - y0
            t = np.clip((px * ex + py * ey) / (ex**2 + ey**2), 0, 1)
            distance = np.hypot(px - t * ex, py - t * ey) - (r0 + t * (r1 - r0))
            best[near] = np.minimum(best[near], distance)
        return best

    def dots(self, points: Sequence[tuple[float, float, float]]) -> Field:
        """Distance to discs (x, y, radius); FAR beyond 2 mm from their edge."""
        best = np.full(self.x.shape, FAR)
        for x, y, radius in points:
            near = self._window((x, x), (y, y), radius + 2)
            best[near] = np.minimum(best[near], np.hypot(self.x[near] - x, self.y[near] - y) - radius)
        return best

    def _window(self, x: tuple[float, float], y: tuple[float, float], margin: float) -> tuple[slice, slice]:
        """Part of the array that holds a box; MAX_WARP_MM allows for bent coordinates."""
        margin += MAX_WARP_MM
        box = []
        for axis, (low, high) in enumerate((y, x)):
            first, n = self.origin[axis], self.x.shape[axis]
            start = int((low - margin - first) / self.step[axis])
            box.append(slice(min(max(start, 0), n), max(0, int((high + margin - first) / self.step[axis]) + 2)))
        return box[0], box[1]


def band_limited(
    generator: np.random.Generator,
    shape: tuple[int, int],
    step: tuple[float, float],
    shortest_mm: float,
    longest_mm: float,
) -> Field:
    """Periodic random field of unit variance whose wavelengths lie between two lengths, with smooth band edges."""
    k = np.hypot(fft.fftfreq(shape[0], step[0])[:, None], fft.rfftfreq(shape[1], step[1])[None])
    band = np.exp(-((k * shortest_mm) ** 4)) * (1 - np.exp(-((k * longest_mm) ** 4)))
    field = np.asarray(fft.irfft2(np.asarray(fft.rfft2(generator.standard_normal(shape))) * band, s=shape))
    return field / field.std()


def inside(distance: Field, edge_mm: float = 0.25) -> Field:
    """Coverage 0 to 1 from a signed distance, with an edge `edge_mm` wide."""
    return np.clip(0.5 - distance / (2 * edge_mm), 0, 1)


def united(*distances: Field) -> Field:
    """Distance to the union of shapes."""
    return np.minimum.reduce(distances)


@final
class Canvas:
    """A slice painted tissue by tissue, the later over the earlier; `signal` is what a T2-weighted spin echo gives.

    `white` is the coverage by white matter.
    """

    def __init__(self, shape: tuple[int, int], tr_ms: float, te_ms: float) -> None:
        self.signal = np.zeros(shape)
        self.white = np.zeros(shape)
        self._weighting = (tr_ms, te_ms)

    def paint(self, coverage: Field, tissue: Tissue, texture: Field | float = 1.0, *, white: bool = False) -> None:
        self.signal += coverage * (spin_echo(tissue, *self._weighting) * texture - self.signal)
        self.white += coverage * (float(white) - self.white)
