"""Skin, fat, muscle, ribs and spine of a trunk, shared by chest and abdomen; lengths in mm.

x runs to the patient's left, which is the right of the picture, y to the back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.simulate.ct.canvas import CANAL, CARTILAGE, FAT, MUSCLE, SKIN, HuCanvas, blended, oval
from medrecon.simulate.shapes import Field, Plane, united

SIDES = (-1.0, 1.0)


@final
@dataclass(frozen=True)
class Build:
    """A body.

    Attributes
    ----------
    width, depth : half extents of the trunk.
    fat : thickness beneath the skin.
    wall : from the outer muscles to the cavity, at the side.
    enhanced : whether contrast agent was given.
    """

    width: float
    depth: float
    fat: float
    wall: float
    enhanced: bool

    @staticmethod
    def draw(generator: np.random.Generator, field_mm: float) -> Build:
        """A body that fits a field of view of `field_mm`."""
        width = min(float(generator.uniform(150, 192)), 0.47 * field_mm)
        return Build(
            width=width,
            depth=width * float(generator.uniform(0.62, 0.72)),
            fat=float(generator.uniform(8, 24)) * width / 175,
            wall=float(generator.uniform(19, 25)) * width / 175,
            enhanced=bool(generator.random() < 0.6),
        )

    @property
    def scale(self) -> float:
        """Size of organs against an average body's."""
        return self.width / 175

    @property
    def spine_y(self) -> float:
        """Centre of the vertebral body."""
        return self.depth - self.fat - 48 * self.scale

    def tissue(self, hu: tuple[float, float]) -> float:
        """HU without or with contrast agent."""
        return hu[1] if self.enhanced else hu[0]


@final
@dataclass(frozen=True, eq=False)
class Wall:
    """Distances to the surfaces of the trunk: skin, the outer muscles, the cavity."""

    skin: Field
    muscle: Field
    cavity: Field


def paint_wall(canvas: HuCanvas, plane: Plane, build: Build) -> Wall:
    """Paint skin, fat and muscle; the cavity is left to the organs."""
    w, d = build.width, build.depth
    skin = blended(
        14,
        *(plane.ellipse((s * 0.36 * w, 0), (0.645 * w, 0.97 * d)) for s in SIDES),
        plane.ellipse((0, -2), (0.8 * w, d)),
    )
    back = np.clip(plane.y / d, 0, 1)
    skin = skin + 6 * back**2 * np.exp(-((plane.x / (0.09 * w)) ** 2))
    front = np.clip(-plane.y / d, 0, 1)
    muscle = skin + build.fat * (1 + 0.2 * canvas.slow + 0.25 * front - 0.35 * back**2)
    thick = 1 + 0.55 * back**2 * np.exp(-((plane.x / (0.42 * w)) ** 2)) - 0.15 * front
    cavity = muscle + build.wall * thick
    canvas.paint(skin, SKIN)
    canvas.paint(skin + 1.8, FAT + 5 * canvas.texture)
    canvas.paint(muscle, MUSCLE + 6 * canvas.texture, host=True)
    # planes of fat between the layers of muscle
    planes = np.abs(cavity - (0.55 + 0.08 * canvas.slow) * build.wall) - (0.5 + 0.6 * canvas.coarse)
    canvas.paint(np.maximum(planes, muscle + 2), FAT, strength=0.8)
    return Wall(skin, muscle, cavity)


def paint_table(canvas: HuCanvas, plane: Plane, build: Build) -> None:
    """The shell of the patient table, a little hollow, under the back."""
    radius, lowest = 430.0, build.depth + 9
    arc = np.abs(np.hypot(plane.x, plane.y - lowest + radius) - radius)
    canvas.paint(np.maximum(arc - 0.9, np.abs(plane.x) - 0.98 * build.width), -120.0)


def paint_ribs(
    canvas: HuCanvas, plane: Plane, wall: Wall, build: Build, generator: np.random.Generator, count: int
) -> None:
    """Oblique cuts of `count` ribs a side, along the cavity; they leave the spine and end before the cartilage."""
    for side in SIDES:
        angle = np.arctan2(plane.y, side * plane.x)
        centres = np.linspace(-0.62, 0.98, count) + generator.uniform(-0.06, 0.06, count)
        radius = np.hypot(plane.x, plane.y)
        nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, angle)
        half = generator.uniform(8, 19, count) * build.scale
        along = (angle - centres[nearest]) * radius
        tilt = generator.uniform(0.04, 0.24, count)[nearest]
        thick = generator.uniform(3.1, 4.3, count)[nearest]
        box = (np.abs(along) - half[nearest], np.abs(wall.cavity - 6.2 - tilt * along) - thick)
        ribs = _rounded(*box, 2.6)
        canvas.bone(np.where(side * plane.x > 8, ribs, 99.0), 0.9)


def _rounded(u: Field, v: Field, radius: float) -> Field:
    """Distance to a box with rounded corners, from the distances to its sides."""
    u, v = u + radius, v + radius
    return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - radius


def paint_sternum(canvas: HuCanvas, plane: Plane, build: Build, generator: np.random.Generator) -> None:
    """Sternum with the costal cartilages that end at it."""
    y = -build.depth + build.fat * 1.25 + 9 * build.scale
    for side in SIDES:
        reach, drop = generator.uniform(48, 66) * build.scale, generator.uniform(8, 15) * build.scale
        cartilage = plane.stroke(
            [(side * 17, y + 1, 4.5), (side * 0.6 * reach, y + 0.35 * drop, 5.5), (side * reach, y + drop, 5.5)]
        )
        canvas.paint(cartilage, CARTILAGE + 10 * canvas.texture)
    canvas.bone(oval(plane, (0, y), (19 * build.scale, 6.5 * build.scale)), 1.0)


def paint_spine(canvas: HuCanvas, plane: Plane, build: Build, *, ribbed: bool) -> None:
    """A vertebra: body, arch, transverse and spinous processes, the canal; heads of ribs if `ribbed`."""
    y, s = build.spine_y, build.scale
    muscles = united(*(oval(plane, (side * 27 * s, y + 30 * s), (24 * s, 20 * s), side * 12) for side in SIDES))
    canvas.paint(muscles, MUSCLE - 4 + 9 * canvas.texture, host=True)
    canvas.paint(np.abs(muscles) - 0.6, FAT, strength=0.7)
    canal = oval(plane, (0, y + 22 * s), (9.5 * s, 8.0 * s))
    body = np.maximum(
        blended(3, oval(plane, (0, y), (17 * s, 14 * s)), oval(plane, (0, y + 5 * s), (18 * s, 9 * s))),
        -(canal - 1.0),
    )
    canvas.paint(body - 3.0, FAT)
    processes = []
    for side in SIDES:
        processes.append(
            plane.stroke(
                [
                    (side * 12 * s, y + 10 * s, 4.2 * s),
                    (side * 14 * s, y + 22 * s, 4.0 * s),
                    (side * 5 * s, y + 33 * s, 3.6 * s),
                ]
            )
        )
        processes.append(plane.stroke([(side * 14 * s, y + 22 * s, 3.6 * s), (side * 31 * s, y + 32 * s, 2.6 * s)]))
        if ribbed:
            processes.append(
                plane.stroke(
                    [
                        (side * 21 * s, y + 4 * s, 2.6 * s),
                        (side * 38 * s, y + 20 * s, 2.7 * s),
                        (side * 52 * s, y + 25 * s, 2.8 * s),
                    ]
                )
            )
    processes.append(plane.stroke([(0, y + 33 * s, 3.6 * s), (1.0, y + 52 * s, 2.6 * s)]))
    canvas.bone(blended(0.8, *processes), 1.1)
    canvas.bone(body, 0.9)
    canvas.paint(canal, FAT)
    canvas.paint(canal + 1.5, CANAL)
    canvas.paint(oval(plane, (0, y + 22 * s), (5.2 * s, 4.0 * s)), CANAL + 14)
