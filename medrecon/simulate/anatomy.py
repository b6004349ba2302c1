"""The demo head: two transverse slices from shapes, random fields and relaxation times; no patient stands behind.

Axes in mm: x to the left, y to the back, origin in the middle of the field of view. Sizes are textbook averages of an
adult head. T2-weighted fast spin echo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.simulate import tissue
from medrecon.simulate.basal_slice import paint_basal_slice
from medrecon.simulate.head_parts import Textures
from medrecon.simulate.lesions import draw_lesions
from medrecon.simulate.orbital_slice import paint_orbital_slice
from medrecon.simulate.shapes import Canvas, Field, Plane

TR_MS, TE_MS = 4500.0, 92.0


@final
@dataclass(frozen=True, eq=False)
class HeadSlice:
    """Magnitude `(y, x)` of a slice, coverage 0-1 by white matter, and by lesions."""

    signal: Field
    white: Field
    lesions: Field


def draw_head(y_mm: Field, x_mm: Field, *, low: bool, generator: np.random.Generator) -> HeadSlice:
    """Draw the slice through the orbits (`low`) or the one through the basal ganglia on a grid `(y,)`, `(x,)` in mm."""
    flat = Plane(y_mm, x_mm)
    canvas = Canvas((len(y_mm), len(x_mm)), TR_MS, TE_MS)
    textures = Textures.draw(flat, generator)
    plane = flat.warped(generator, 0.8, 45.0)
    if low:
        paint_orbital_slice(canvas, flat, plane, textures, generator)
    else:
        paint_basal_slice(canvas, plane, textures, generator)
    lesions = draw_lesions(flat, canvas.white, generator)
    canvas.paint(lesions, tissue.LESION, textures.grey)
    return HeadSlice(np.maximum(canvas.signal, 0), canvas.white, lesions)
