"""What the CT phantom is painted with: Hounsfield units, distances blended, texture with a 1/f spectrum."""

from __future__ import annotations

from typing import final

import numpy as np
from scipy import fft

from medrecon.simulate.shapes import FAR, MAX_WARP_MM, Field, Plane, inside

# HU without and with venous contrast agent, from textbooks of radiology, rounded.
AIR, GAS, LUNG, FAT, WATER, SKIN, MUSCLE, CARTILAGE = -1000.0, -970.0, -865.0, -104.0, 0.0, 15.0, 56.0, 95.0
CORTICAL, TRABECULAR, DISC, CANAL = 1050.0, 210.0, 85.0, 32.0
LIVER, SPLEEN, KIDNEY, PANCREAS, BLOOD, BOWEL = (
    (58.0, 108.0),
    (49.0, 116.0),
    (33.0, 178.0),
    (38.0, 92.0),
    (43.0, 152.0),
    (35.0, 62.0),
)


def blended(width_mm: float, *distances: Field) -> Field:
    """Union of shapes whose meeting edges are rounded over about `width_mm`."""
    least = np.minimum.reduce(distances)
    return least - width_mm * np.log(sum(np.exp((least - d) / width_mm) for d in distances))


def window(plane: Plane, low: tuple[float, float], high: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns of the pixels between two (x, y) corners in mm, cut at the edge of the slice."""
    spans = []
    for axis, (first, last) in enumerate(((low[1], high[1]), (low[0], high[0]))):
        n, start, step = plane.y.shape[axis], plane.origin[axis], plane.step[axis]
        ends = int((first - start) / step), int((last - start) / step) + 2
        spans.append(slice(*(min(max(end, 0), n) for end in ends)))
    return spans[0], spans[1]


def oval(plane: Plane, centre: tuple[float, float], axes: tuple[float, float], turn_deg: float = 0.0) -> Field:
    """`Plane.ellipse` in the neighbourhood of the shape, FAR elsewhere: a slice has many small ones."""
    reach = max(axes) + FAR + MAX_WARP_MM
    near = window(plane, (centre[0] - reach, centre[1] - reach), (centre[0] + reach, centre[1] + reach))
    distance = np.full(plane.y.shape, FAR)
    distance[near] = plane.bent(plane.y[near], plane.x[near]).ellipse(centre, axes, turn_deg)
    return distance


def pink(plane: Plane, generator: np.random.Generator, shortest_mm: float = 1.5, longest_mm: float = 40.0) -> Field:
    """Random field of unit variance whose amplitude falls as 1/f between two wavelengths."""
    shape = plane.y.shape
    k = np.hypot(fft.fftfreq(shape[0], plane.step[0])[:, None], fft.rfftfreq(shape[1], plane.step[1])[None])
    band = np.exp(-((k * shortest_mm) ** 4)) / np.hypot(k, 1 / longest_mm)
    band[0, 0] = 0
    field = np.asarray(fft.irfft2(np.asarray(fft.rfft2(generator.standard_normal(shape))) * band, s=shape))
    return field / field.std()


@final
class HuCanvas:
    """A slice in HU, painted tissue by tissue, the later over the earlier, starting from air.

    `host` is the coverage by tissue that may hold inserts; `texture`, `coarse` and `slow` have unit variance.
    """

    def __init__(self, plane: Plane, generator: np.random.Generator) -> None:
        self.plane = plane
        self.hu = np.full(plane.y.shape, AIR)
        self.host = np.zeros(plane.y.shape)
        self.texture = pink(plane, generator)
        self.coarse = plane.noise(generator, 14, 60)
        self.slow = plane.noise(generator, 70, 260)
        self._edge = max(0.25, max(plane.step) / 2)

    def paint(self, distance: Field, hu: Field | float, *, strength: float = 1.0, host: bool = False) -> None:
        """Paint where `distance` is negative, up to `strength` of the new tissue."""
        near = self._touched(distance)
        coverage = strength * inside(distance[near], self._edge)
        new = hu[near] if isinstance(hu, np.ndarray) else hu
        self.hu[near] += coverage * (new - self.hu[near])
        self.host[near] += coverage * (float(host) - self.host[near])

    def bone(self, distance: Field, shell_mm: float = 1.0) -> None:
        """Trabecular bone in a shell of cortical bone."""
        self.paint(distance, CORTICAL)
        self.paint(distance + shell_mm, TRABECULAR + 45 * self.texture)

    def _touched(self, distance: Field) -> tuple[slice, slice]:
        """The rows and columns that a shape reaches: most are small."""
        hit = distance < self._edge
        box = []
        for axis in (1, 0):
            found = np.flatnonzero(hit.any(axis))
            box.append(slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0))
        return box[0], box[1]
