"""What every slice of the demo head has: textures, outline, scalp to subarachnoid fluid, vessels of the surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.simulate import tissue
from medrecon.simulate.shapes import Canvas, Field, Plane, inside

SIDES = (-1.0, 1.0)


@final
@dataclass(frozen=True, eq=False)
class Textures:
    """Relative signal `(y, x)` of three kinds of tissue: smooth shading and fine grain."""

    white: Field
    grey: Field
    coarse: Field

    @staticmethod
    def draw(plane: Plane, generator: np.random.Generator) -> Textures:
        fine, middle, slow = (plane.noise(generator, *band) for band in ((0.8, 3), (3, 12), (25, 90)))
        return Textures(
            white=1 + 0.018 * fine + 0.025 * middle + 0.03 * slow,
            grey=1 + 0.03 * fine + 0.03 * middle,
            coarse=1 + 0.07 * fine + 0.10 * middle,
        )


def paint_envelope(
    canvas: Canvas, plane: Plane, skin: Field, textures: Textures, generator: np.random.Generator
) -> Field:
    """Scalp, fat, skull and subarachnoid fluid inside the distance `skin`; returns the distance to the inner table."""
    fat = 3.6 + 0.6 * plane.noise(generator, 40, 160) + 1.4 * np.clip(plane.y / 90, -0.5, 1)
    skull = 5.6 + 0.5 * plane.noise(generator, 30, 120) + 1.3 * np.abs(plane.y / 90) ** 3
    under_scalp = skin + 1.9
    outer_table = under_scalp + np.maximum(fat, 1.2)
    inner_table = outer_table + np.maximum(skull, 3.2)
    canvas.paint(inside(skin), tissue.SKIN, textures.coarse)
    canvas.paint(inside(under_scalp), tissue.FAT, textures.coarse)
    for side in SIDES:
        belly = plane.ellipse((side * 66, -32), (9, 27), side * 14)
        canvas.paint(inside(np.maximum(belly, under_scalp + 1.0)), tissue.MUSCLE, textures.coarse)
    canvas.paint(inside(outer_table), tissue.BONE)
    diploe = np.maximum(outer_table + 1.5, -(inner_table - 1.5))
    patchy = textures.coarse * np.clip(0.8 + 0.25 * plane.noise(generator, 4, 20), 0.25, 1.2)
    canvas.paint(inside(diploe, 0.5), tissue.MARROW, patchy)
    canvas.paint(inside(inner_table), tissue.CSF)
    return inner_table


def head_outline(plane: Plane, width: float, length: float) -> Field:
    """An egg, wider behind: distance to the skin."""
    taper = 1 + 0.07 * np.clip(plane.y / length, -1, 1)
    return plane.bent(plane.y, plane.x / taper).ellipse((0, 0), (width, length))


def paint_pial_vessels(
    canvas: Canvas, plane: Plane, sulci: Field, depth: Field, generator: np.random.Generator
) -> None:
    """Small flow voids in the fluid of sulci and on the surface."""
    rows, columns = np.nonzero((np.abs(sulci) < 0.5) & (depth > -1.0) & (depth < 18))
    picks = generator.choice(len(rows), 60, replace=False)
    radii = generator.uniform(0.3, 0.65, len(picks))
    dots = [
        (float(plane.x[r, c]), float(plane.y[r, c]), float(d))
        for r, c, d in zip(rows[picks], columns[picks], radii, strict=True)
    ]
    canvas.paint(inside(plane.dots(dots)), tissue.BLOOD_FLOW)
