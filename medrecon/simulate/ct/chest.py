"""The phantom's chest at the level of the heart: lungs, vessels, bronchi, heart; lengths in mm."""

from __future__ import annotations

import numpy as np

from medrecon.simulate.ct.canvas import BLOOD, FAT, GAS, LUNG, MUSCLE, HuCanvas, blended, oval
from medrecon.simulate.ct.trunk import SIDES, Build, paint_ribs, paint_spine, paint_sternum, paint_wall
from medrecon.simulate.ct.vessels import Tree, cut, grow, within
from medrecon.simulate.shapes import Field, Plane, united


def paint_chest(canvas: HuCanvas, plane: Plane, build: Build, generator: np.random.Generator) -> None:
    """A whole slice through the lungs and the ventricles."""
    wall = paint_wall(canvas, plane, build)
    paint_ribs(canvas, plane, wall, build, generator, int(generator.integers(5, 7)))
    paint_sternum(canvas, plane, build, generator)
    s = build.scale
    turn = float(generator.uniform(25, 45))
    ventricle = oval(plane, (36 * s, -20 * s), (46 * s, 33 * s), turn)
    right = oval(plane, (-2 * s, -36 * s), (46 * s, 27 * s), 14)
    atria = oval(plane, (2 * s, 6 * s), (36 * s, 19 * s), -6)
    heart = blended(4, ventricle, right, atria)
    middle = oval(plane, (4 * s, build.spine_y - 16 * s), (25 * s, 34 * s))
    front = np.maximum(np.abs(plane.x - 5 * s) - 9 * s, plane.y + 10 * s)
    mediastinum = blended(5, heart - 3.5 * s - 1.5 * canvas.coarse, middle, front)
    canvas.paint(wall.cavity, FAT + 5 * canvas.texture)
    lungs = np.maximum(np.maximum(wall.cavity + 1.2, -mediastinum), 6.0 * s - np.abs(plane.x))
    _paint_lungs(canvas, plane, lungs, build, generator)
    _paint_heart(canvas, plane, build, heart, ventricle, right, atria, turn)
    _paint_posterior(canvas, plane, build, generator)
    paint_spine(canvas, plane, build, ribbed=True)


def _paint_lungs(canvas: HuCanvas, plane: Plane, lungs: Field, build: Build, generator: np.random.Generator) -> None:
    weight = generator.uniform(25, 70)
    # the lower, the heavier; vessels too fine to draw are the texture
    canvas.paint(lungs, LUNG + weight * plane.y / build.depth + 16 * canvas.coarse + 20 * canvas.texture)
    fissure = np.abs(plane.y - 0.45 * np.abs(plane.x) - 4 + 6 * canvas.coarse) - 0.25
    canvas.paint(np.maximum(fissure, lungs + 1), LUNG + 130, strength=0.5)

    blood = build.tissue(BLOOD)
    for side in SIDES:
        for height in generator.permutation(np.linspace(-30, 30, 13)):  # segmental arteries and veins leave the hilum
            y = generator.uniform(-6, 18) * build.scale
            root = (_border(plane, lungs, side, y), y, float(height))
            towards = (side, generator.uniform(-1.6, 1.6), -height / 45 + generator.uniform(-0.4, 0.4))
            tree = grow(root, towards, generator.uniform(2.2, 3.9) * build.scale, within(plane, lungs), generator)
            if abs(height) < 12:
                _paint_bronchi(canvas, plane, lungs, tree)
            canvas.paint(np.maximum(cut(plane, tree), lungs), blood - 5)
    canvas.paint(np.abs(lungs) - 0.5, MUSCLE, strength=0.5)  # the pleura


def _border(plane: Plane, lungs: Field, side: float, y: float) -> float:
    """Where the lung of one side begins at height `y`, and a little further in."""
    row = lungs[round((y - plane.origin[0]) / plane.step[0])]
    x = plane.origin[1] + np.arange(len(row)) * plane.step[1]
    return float(side * (np.abs(x[(row < 0) & (side * x > 0)]).min() + 2))


def _paint_bronchi(canvas: HuCanvas, plane: Plane, lungs: Field, arteries: Tree) -> None:
    """Each larger artery has a bronchus at its side."""
    lumen = np.maximum(cut(plane, arteries.thicker_than(0.9).beside((0.5, -1.6, 0.2), 0.8)), lungs)
    canvas.paint(lumen - 0.5, -60.0)
    canvas.paint(lumen + 0.3, GAS)


def _paint_heart(
    canvas: HuCanvas,
    plane: Plane,
    build: Build,
    heart: Field,
    ventricle: Field,
    right: Field,
    atria: Field,
    turn: float,
) -> None:
    s, blood, muscle = build.scale, build.tissue(BLOOD), build.tissue((50.0, 98.0))
    canvas.paint(heart, muscle + 7 * canvas.texture, host=True)
    canvas.paint(np.maximum(np.abs(np.maximum(right, -ventricle)) - 1.4, heart + 2), FAT, strength=0.55)  # grooves
    canvas.paint(np.maximum(right + 4 * s, -(ventricle - 1)), blood + 5 * canvas.texture, host=True)
    canvas.paint(atria + 3 * s, blood + 5 * canvas.texture, host=True)
    canvas.paint(oval(plane, (38 * s, -19 * s), (33 * s, 20 * s), turn), blood + 5 * canvas.texture, host=True)
    pericardium = np.maximum(np.abs(heart - 2.6 * s) - 0.6, plane.y - 5 * s)
    canvas.paint(pericardium, MUSCLE - 20, strength=0.6)


def _paint_posterior(canvas: HuCanvas, plane: Plane, build: Build, generator: np.random.Generator) -> None:
    s, y, blood = build.scale, build.spine_y, build.tissue(BLOOD)
    radius = generator.uniform(10.5, 14) * s
    aorta = oval(plane, (22 * s, y - 13 * s), (radius, radius * 0.97))
    canvas.paint(aorta - 1.3, MUSCLE)
    canvas.paint(aorta, blood + 6 * canvas.texture, host=True)
    oesophagus = oval(plane, (6 * s, y - 24 * s), (8 * s, 5 * s), 20)
    canvas.paint(oesophagus, MUSCLE - 10)
    canvas.paint(oval(plane, (7 * s, y - 25 * s), (2.2 * s, 1.3 * s)), GAS, strength=0.8)
    canvas.paint(
        united(
            oval(plane, (-7 * s, y - 17 * s), (4 * s, 3.6 * s)), oval(plane, (14 * s, y - 33 * s), (3 * s, 2.2 * s))
        ),
        blood,
    )
