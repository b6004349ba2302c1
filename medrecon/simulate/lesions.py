"""Small lesions in the white matter."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from medrecon.simulate.shapes import Field, Plane, inside

DIAMETERS_MM = (2.0, 3.5, 5.0)


def draw_lesions(plane: Plane, white: Field, generator: np.random.Generator) -> Field:
    """Coverage 0-1 by three ellipses of 2, 3.5 and 5 mm mean diameter, wholly inside the white matter."""
    clearance = np.asarray(ndimage.distance_transform_edt(white > 0.95, sampling=plane.step))
    coverage = np.zeros(white.shape)
    for diameter in DIAMETERS_MM:
        flattening = generator.uniform(0.85, 1.15)
        axes = (diameter / 2 * flattening, diameter / 2 / flattening)
        rows, columns = np.nonzero(clearance > max(axes) + 0.5)
        pick = int(generator.integers(len(rows)))
        x, y = float(plane.x[rows[pick], columns[pick]]), float(plane.y[rows[pick], columns[pick]])
        coverage = np.maximum(coverage, inside(plane.ellipse((x, y), axes, float(generator.uniform(0, 180)))))
        clearance = np.minimum(clearance, np.hypot(plane.x - x, plane.y - y) - diameter / 2 - 5)
    return coverage
