"""A folded cortical ribbon: sulci are the zero set of a band-limited random field that runs into the depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import ndimage

from medrecon.simulate.shapes import Canvas, Field, Plane, band_limited, inside
from medrecon.simulate.tissue import CSF, GREY, WHITE

TEXTURE_STEP_MM = 0.5
CENTRE_MM = 13.0


@final
@dataclass(frozen=True)
class Folding:
    """How a lobe folds; lengths in mm.

    Attributes
    ----------
    wavelength : twice the distance of neighbouring sulci.
    depth : shortest and longest sulcus.
    grey : thickness of the cortex.
    opening : half width of a sulcus at the surface and at its bottom.
    stretch : how much more slowly the field changes into the depth than along the surface.
    """

    wavelength: float = 17.0
    depth: tuple[float, float] = (11.0, 27.0)
    grey: float = 2.7
    opening: tuple[float, float] = (0.9, 0.3)
    stretch: float = 2.6


def sulcal_distance(
    plane: Plane, depth: Field, centre: tuple[float, float], folding: Folding, generator: np.random.Generator
) -> Field:
    """Distance in mm to the nearest sulcus; `depth` is the distance from the surface of the brain, inwards positive.

    The random field lives on (arc around `centre`, depth), so that sulci leave the surface at right angles.
    """
    angle = np.arctan2(plane.y - centre[1], plane.x - centre[0])
    reach = float(np.abs(depth).max()) * 1.2
    perimeter = 2 * np.pi * float(np.hypot(plane.x - centre[0], plane.y - centre[1])[np.abs(depth) < 1].mean())
    shape = (int(2 * reach / TEXTURE_STEP_MM), int(perimeter / TEXTURE_STEP_MM))
    step = (TEXTURE_STEP_MM, perimeter / shape[1])
    texture = band_limited(generator, shape, step, 0.75 * folding.wavelength, 1.5 * folding.wavelength)
    wander = 0.11 * folding.wavelength
    u = angle / (2 * np.pi) * shape[1] + wander / step[1] * plane.noise(generator, 12, 45)
    v = (depth / folding.stretch) / step[0] + wander / step[0] * plane.noise(generator, 12, 45)
    field = ndimage.map_coordinates(texture, [v, u], order=3, mode="grid-wrap")
    slope = plane.gradient(field)
    typical = np.median(slope[depth > 0])
    distance = np.abs(field) / np.hypot(slope, 0.35 * typical)
    low, high = folding.depth
    bottom = low + (high - low) * np.clip(0.5 + 0.45 * plane.noise(generator, 16, 60), 0, 1)
    # towards the centre the arcs converge: no sulcus reaches there
    radius = np.hypot(plane.x - centre[0], plane.y - centre[1])
    return distance + 0.8 * np.maximum(depth - bottom, 0) + 0.8 * np.maximum(CENTRE_MM - radius, 0)


def paint_lobe(canvas: Canvas, depth: Field, sulci: Field, folding: Folding, white: Field, grey: Field) -> None:
    """Paint white matter, cortex and sulcal fluid where `depth` > 0; `white` and `grey` are textures around 1."""
    top, bottom = folding.opening
    width = bottom + (top - bottom) * np.exp(-np.maximum(depth, 0) / 4)
    from_fluid = np.minimum(sulci - width, depth)
    canvas.paint(inside(-depth), WHITE, white, white=True)
    canvas.paint(inside(-depth) * inside(from_fluid - folding.grey, 0.45), GREY, grey)
    canvas.paint(inside(-depth) * inside(sulci - width, 0.35), CSF)
