"""Lesions that no training saw, put into images before they are scanned; and how much of them comes back.

Three lobes instead of an ellipse, anywhere in the head that is not dark: off the training distribution in shape and
place (evaluation.md 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medrecon.evaluation.foreground import foreground_mask

Image = NDArray[np.float64]
DIAMETERS_MM = (2.0, 3.0, 4.0, 5.0, 6.0)
CONTRASTS = (0.4, -0.2, 0.1, -0.4, 0.2, -0.1)
"""Shares of local intensity; five sizes a slice, so that six slices show every size at every contrast."""
LOBES, DEPTH = 3, 0.4
APART_MM = 8.0
"""Least distance between two lesions; from the edge of the head each keeps its own diameter."""
BRIGHT = 0.3
"""Share of the slice's 99th percentile below which no lesion is put: a share of nearly nothing is not to be seen."""
FINE = 8


@dataclass(frozen=True)
class Lesion:
    """One lesion: `slice` counts within the scan, (y, x) is its centre in pixels, `contrast` of local intensity."""

    slice: int
    diameter_mm: float
    contrast: float
    y: int
    x: int
    angle: float

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "angle"}


def coverage(lesion: Lesion, shape: tuple[int, int], voxel_mm: tuple[float, float]) -> Image:
    """`(y, x)` share of each pixel inside the lesion; its area is that of a disc of its diameter."""
    radius = lesion.diameter_mm / 2 / np.sqrt(1 + DEPTH**2 / 2)
    offsets = (np.arange(FINE) + 0.5) / FINE - 0.5
    inside = np.zeros(shape)
    window, y, x = _window(lesion, shape, voxel_mm, radius * (1 + DEPTH))
    for dy in offsets * voxel_mm[0]:
        for dx in offsets * voxel_mm[1]:
            edge = radius * (1 + DEPTH * np.cos(LOBES * np.arctan2(y + dy, x + dx) + lesion.angle))
            inside[window] += np.hypot(y + dy, x + dx) < edge
    return inside / FINE**2


def draw(image: Image, index: int, voxel_mm: tuple[float, float], generator: np.random.Generator) -> list[Lesion]:
    """Lesions of every size for the `index`-th slice, `(y, x)` magnitude; those that find no place are left out."""
    head = foreground_mask(image).numpy()
    clearance = np.asarray(ndimage.distance_transform_edt(np.pad(head, 1), sampling=voxel_mm))[1:-1, 1:-1]
    bright = ndimage.uniform_filter(image, 3) > BRIGHT * np.percentile(image, 99)
    found: list[Lesion] = []
    for size, diameter in enumerate(DIAMETERS_MM[::-1]):
        rows, columns = np.nonzero(bright & (clearance > diameter))
        if not len(rows):
            continue
        pick, contrast = int(generator.integers(len(rows))), CONTRASTS[(index + size) % len(CONTRASTS)]
        lesion = Lesion(index, diameter, contrast, int(rows[pick]), int(columns[pick]), float(generator.uniform(0, 6)))
        y, x = _millimetres(lesion, image.shape, voxel_mm)
        clearance = np.minimum(clearance, np.hypot(y, x) - diameter / 2 - APART_MM)
        found.append(lesion)
    return found


def inserted(image: Image, lesions: Iterable[Lesion], voxel_mm: tuple[float, float]) -> Image:
    """`(y, x)` with each lesion's contrast times the mean of its surroundings added; nothing falls below zero."""
    changed = image.astype(np.float64)
    for lesion in lesions:
        y, x = _millimetres(lesion, image.shape, voxel_mm)
        local = image[np.hypot(y, x) <= max(lesion.diameter_mm, *voxel_mm)].mean()
        changed = changed + lesion.contrast * local * coverage(lesion, (image.shape[0], image.shape[1]), voxel_mm)
    return np.maximum(changed, 0)


def recovered(seen: Image, true: Image, inside: NDArray[np.bool_]) -> float | None:
    """Slope through the origin of a difference image on the true difference, `inside` the lesion.

    1 for a perfect reconstruction, 0 for one that knows nothing of the lesion; None where the truth does not differ.
    """
    energy = float((true[inside] ** 2).sum())
    return float((seen[inside] * true[inside]).sum()) / energy if energy > 0 else None


def contrasts(
    lesions: Sequence[Lesion], seen: Sequence[Image], true: Sequence[Image], voxel_mm: tuple[float, float]
) -> list[float | None]:
    """What came back of each lesion; `seen` and `true` hold the difference image of its slice."""
    found = []
    for lesion, image, truth in zip(lesions, seen, true, strict=True):
        found.append(recovered(image, truth, coverage(lesion, (truth.shape[0], truth.shape[1]), voxel_mm) > 0))
    return found


def _millimetres(lesion: Lesion, shape: tuple[int, ...], voxel_mm: tuple[float, float]) -> tuple[Image, Image]:
    """Distances (y, x) of every pixel from the lesion's centre."""
    y = (np.arange(shape[0], dtype=np.float64) - lesion.y)[:, None] * voxel_mm[0]
    x = (np.arange(shape[1], dtype=np.float64) - lesion.x)[None, :] * voxel_mm[1]
    return y, x


def _window(
    lesion: Lesion, shape: tuple[int, int], voxel_mm: tuple[float, float], reach: float
) -> tuple[tuple[slice, slice], Image, Image]:
    """The pixels that the lesion can touch, and their distances from its centre."""
    y, x = _millimetres(lesion, shape, voxel_mm)
    rows, columns = (np.flatnonzero(np.abs(d).ravel() <= reach + mm) for d, mm in zip((y, x), voxel_mm, strict=True))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return window, y[window[0]], x[:, window[1]]
