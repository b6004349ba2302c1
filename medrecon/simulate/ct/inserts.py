"""Small low-contrast inserts: what a denoiser must not lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medrecon.simulate.ct.canvas import oval
from medrecon.simulate.shapes import Field, Plane, inside

DIAMETERS_MM = (6.0, 5.0, 4.0, 3.0, 2.0)
CONTRASTS_HU = (10.0, 20.0, 40.0)
APART_MM = 4.0


@final
@dataclass(frozen=True, eq=False)
class Inserts:
    """Inserts that were placed: number i + 1 in `labels` has `diameters_mm[i]` and `contrasts_hu[i]`.

    `added` `(y, x)` is what they add to the healthy slice in HU, `labels` `(y, x)` uint8 is 0 outside them.
    """

    added: Field
    labels: NDArray[np.uint8]
    diameters_mm: tuple[float, ...]
    contrasts_hu: tuple[float, ...]


def draw_inserts(plane: Plane, host: Field, generator: np.random.Generator, edge_mm: float = 0.25) -> Inserts:
    """One disc of each diameter and contrast within `host`, the largest first; those without room are left out."""
    step = max(1, round(1.4 / max(plane.step)))  # places are chosen on a coarser grid: distances are the costly part
    coarse = (slice(None, None, step), slice(None, None, step))
    clearance = np.asarray(ndimage.distance_transform_edt(host[coarse] > 0.95, sampling=[s * step for s in plane.step]))
    y, x = plane.y[coarse], plane.x[coarse]
    added, labels = np.zeros(host.shape), np.zeros(host.shape, np.uint8)
    placed: list[tuple[float, float]] = []
    for diameter in DIAMETERS_MM:
        for contrast in generator.permutation(CONTRASTS_HU):
            rows, columns = np.nonzero(clearance > diameter / 2 + 1.0)
            if not len(rows):
                continue
            pick = int(generator.integers(len(rows)))
            at = float(x[rows[pick], columns[pick]]), float(y[rows[pick], columns[pick]])
            coverage = inside(oval(plane, at, (diameter / 2, diameter / 2)), edge_mm)
            placed.append((diameter, float(contrast)))
            added += contrast * coverage
            labels[coverage > 0.5] = len(placed)
            clearance = np.minimum(clearance, np.hypot(x - at[0], y - at[1]) - diameter / 2 - APART_MM)
    return Inserts(added, labels, tuple(d for d, _ in placed), tuple(c for _, c in placed))
