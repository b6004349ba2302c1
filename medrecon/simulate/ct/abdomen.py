"""The phantom's upper abdomen: liver, spleen, stomach, kidneys, pancreas, bowel and vessels; lengths in mm."""

from __future__ import annotations

import numpy as np

from medrecon.simulate.ct.canvas import (
    BLOOD,
    BOWEL,
    FAT,
    GAS,
    KIDNEY,
    LIVER,
    MUSCLE,
    PANCREAS,
    SPLEEN,
    WATER,
    HuCanvas,
    blended,
    oval,
)
from medrecon.simulate.ct.trunk import SIDES, Build, paint_ribs, paint_spine, paint_wall
from medrecon.simulate.ct.vessels import cut, grow, within
from medrecon.simulate.shapes import Field, Plane, united


def paint_abdomen(canvas: HuCanvas, plane: Plane, build: Build, generator: np.random.Generator) -> None:
    """A whole slice through liver and spleen."""
    wall = paint_wall(canvas, plane, build)
    paint_ribs(canvas, plane, wall, build, generator, int(generator.integers(4, 6)))
    cavity = wall.cavity - 4.0
    canvas.paint(cavity, MUSCLE - 5 + 6 * canvas.texture)  # the diaphragm and its slips
    cavity = cavity + 3.0
    canvas.paint(cavity, FAT + 7 * canvas.texture)
    _paint_mesentery(canvas, plane, cavity, build, generator)
    _paint_bowel(canvas, plane, cavity, build, generator)
    _paint_kidneys(canvas, plane, cavity, build, generator)
    _paint_pancreas(canvas, plane, build, generator)
    _paint_stomach(canvas, plane, cavity, build, generator)
    _paint_spleen(canvas, plane, cavity, build, generator)
    _paint_liver(canvas, plane, cavity, build, generator)
    _paint_great_vessels(canvas, plane, build, generator)
    paint_spine(canvas, plane, build, ribbed=bool(generator.random() < 0.5))


def _paint_liver(canvas: HuCanvas, plane: Plane, cavity: Field, build: Build, generator: np.random.Generator) -> None:
    s, spread = build.scale, generator.uniform(8, 15)
    lobe = oval(plane, (-74 * s, 2 * s), (68 * s, 88 * s), generator.uniform(-12, 4))
    left = oval(plane, (-8 * s, -50 * s), (generator.uniform(48, 68) * s, 30 * s), generator.uniform(-4, 10))
    liver = np.maximum(blended(6, lobe, left), cavity + 1.5)
    notch = plane.stroke([(-28 * s, 30 * s, 9 * s), (-36 * s, 6 * s, 5 * s), (-42 * s, -8 * s, 1.5)])
    liver = np.maximum(liver, -notch)
    hu = build.tissue(LIVER) + generator.uniform(-8, 8)
    canvas.paint(liver, hu + spread * canvas.texture, host=True)

    vessels = hu + (generator.uniform(25, 45) if build.enhanced else generator.uniform(-16, -10))
    for height in np.linspace(-20, 20, 9):
        root = (generator.uniform(-70, -46) * s, generator.uniform(-14, 14) * s, float(height))
        towards = (generator.uniform(-1, 0.3), generator.uniform(-1, 1), -height / 25 + generator.uniform(-0.3, 0.3))
        tree = grow(root, towards, generator.uniform(2.6, 4.4) * s, within(plane, liver), generator, 0.5)
        canvas.paint(np.maximum(cut(plane, tree), liver + 2), vessels)
    if generator.random() < 0.5:
        bladder = oval(plane, (-52 * s, -46 * s), (15 * s, 20 * s), 20)
        canvas.paint(bladder - 1.5, MUSCLE)
        canvas.paint(bladder, WATER + 8)


def _paint_spleen(canvas: HuCanvas, plane: Plane, cavity: Field, build: Build, generator: np.random.Generator) -> None:
    s, spread = build.scale, generator.uniform(8, 15)
    tip = generator.uniform(44, 60)
    whole = oval(plane, (104 * s, 30 * s), (31 * s, tip * s), generator.uniform(4, 16))
    hollow = oval(plane, (72 * s, 22 * s), (20 * s, 34 * s), 10)
    spleen = np.maximum(np.maximum(whole, -hollow), cavity + 2)
    canvas.paint(spleen, build.tissue(SPLEEN) + spread * canvas.texture, host=True)
    hilum = plane.stroke([(60 * s, 12 * s, 3.2), (76 * s, 16 * s, 2.8), (90 * s, 26 * s, 2.0)])
    canvas.paint(hilum, build.tissue(BLOOD))


def _paint_stomach(canvas: HuCanvas, plane: Plane, cavity: Field, build: Build, generator: np.random.Generator) -> None:
    s = build.scale
    centre = (generator.uniform(52, 66) * s, generator.uniform(-42, -30) * s)
    outer = oval(
        plane, centre, (generator.uniform(34, 46) * s, generator.uniform(26, 34) * s), generator.uniform(10, 40)
    )
    outer = np.maximum(outer + 3 * canvas.slow, cavity + 2)
    canvas.paint(outer, build.tissue(BOWEL) + 6 * canvas.texture)
    lumen = outer + generator.uniform(3.0, 5.5)
    canvas.paint(lumen, generator.uniform(5, 40) + 16 * canvas.texture)
    level = centre[1] - generator.uniform(2, 18) * s  # gas lies above fluid: the patient is on the back
    canvas.paint(np.maximum(lumen, plane.y - level), GAS)


def _paint_kidneys(canvas: HuCanvas, plane: Plane, cavity: Field, build: Build, generator: np.random.Generator) -> None:
    s, y = build.scale, build.spine_y
    for side in SIDES:
        x, back = side * generator.uniform(56, 64) * s, y - generator.uniform(0, 10) * s
        outer = oval(plane, (x, back), (generator.uniform(23, 28) * s, generator.uniform(26, 31) * s), side * 20)
        outer = np.maximum(outer, cavity + 4)
        sinus = oval(plane, (x - side * 10 * s, back - 4 * s), (14 * s, 10 * s), side * -30)
        canvas.paint(outer, build.tissue(KIDNEY) + 6 * canvas.texture)
        lobes = np.maximum(outer + 6 * s, 0.35 * oval(canvas.plane, (x, back), (17 * s, 20 * s), side * 20))
        canvas.paint(lobes, build.tissue((30.0, 118.0)) + 10 * canvas.texture)
        canvas.paint(sinus + 2.5 * canvas.coarse, FAT)
        canvas.paint(oval(plane, (x - side * 11 * s, back - 5 * s), (6 * s, 4 * s), side * -30), WATER + 6)
        canvas.paint(
            plane.stroke([(x - side * 18 * s, back - 6 * s, 3.0), (side * 22 * s, y - 22 * s, 3.4)]),
            build.tissue(BLOOD),
        )
        psoas = oval(plane, (side * 27 * s, y + 8 * s), (11 * s, 14 * s), side * -15)
        canvas.paint(psoas, MUSCLE + 7 * canvas.texture, host=True)


def _paint_pancreas(canvas: HuCanvas, plane: Plane, build: Build, generator: np.random.Generator) -> None:
    s, shift = build.scale, generator.uniform(-6, 6)
    gland = plane.stroke(
        [(-24 * s, 4 * s + shift, 9 * s), (0, -10 * s + shift, 8 * s), (30 * s, -6 * s, 8 * s), (62 * s, 6 * s, 6 * s)]
    )
    lobulated = gland + 1.3 * plane.noise(generator, 7, 16)
    canvas.paint(lobulated, build.tissue(PANCREAS) + 9 * canvas.texture)
    canvas.paint(
        plane.stroke([(2 * s, 2 * s, 4.2 * s), (34 * s, 3 * s, 3.4 * s), (60 * s, 12 * s, 3.0 * s)]),
        build.tissue(BLOOD),
    )


def _paint_great_vessels(canvas: HuCanvas, plane: Plane, build: Build, generator: np.random.Generator) -> None:
    s, y, blood = build.scale, build.spine_y, build.tissue(BLOOD)
    radius = generator.uniform(9, 12) * s
    aorta = oval(plane, (9 * s, y - 26 * s), (radius, radius))
    crura = united(
        *(
            plane.stroke(
                [(side * 9 * s + 4, y - 30 * s, 3.0), (side * 17 * s, y - 18 * s, 5.0), (side * 19 * s, y - 4 * s, 3.5)]
            )
            for side in SIDES
        )
    )
    canvas.paint(crura, MUSCLE)
    canvas.paint(aorta - 1.2, MUSCLE)
    canvas.paint(aorta, blood + 6 * canvas.texture, host=True)
    if generator.random() < 0.4:
        turn = generator.uniform(0, 2 * np.pi)
        at = (9 * s + radius * np.cos(turn), y - 26 * s + radius * np.sin(turn))
        canvas.paint(oval(plane, at, (2.6, 1.1), float(np.degrees(turn)) + 90), 620.0)
    cava = oval(plane, (-24 * s, y - 27 * s), (13 * s, 9 * s), 10)
    canvas.paint(cava, blood - 12 + 5 * canvas.texture, host=True)
    mesenteric = united(
        oval(plane, (7 * s, y - 44 * s), (4 * s, 4 * s)), oval(plane, (-6 * s, y - 46 * s), (5.5 * s, 5 * s))
    )
    canvas.paint(mesenteric, blood)


def _paint_mesentery(
    canvas: HuCanvas, plane: Plane, cavity: Field, build: Build, generator: np.random.Generator
) -> None:
    for height in (-6.0, 4.0):
        tree = grow(
            (8.0, 2.0, height),
            (0.6, -1.0, 0.1),
            3.2 * build.scale,
            lambda x, y: np.hypot(x, y) < 0.6 * build.width,
            generator,
            0.5,
        )
        canvas.paint(np.maximum(cut(plane, tree), cavity + 3), build.tissue(BLOOD) - 15)


def _paint_bowel(canvas: HuCanvas, plane: Plane, cavity: Field, build: Build, generator: np.random.Generator) -> None:
    """Loops in front and at the left side, filled with fluid, stool or gas."""
    s = build.scale
    places = [(generator.uniform(-30, 110), generator.uniform(-70, -40)) for _ in range(7)]
    places += [(generator.uniform(60, 108), generator.uniform(-20, 10)) for _ in range(3)]
    for x, y in places:
        axes = (generator.uniform(11, 20) * s, generator.uniform(9, 14) * s)
        loop = np.maximum(oval(plane, (x * s, y * s), axes, generator.uniform(0, 180)), cavity + 2)
        loop = loop + 2 * canvas.slow
        canvas.paint(loop, build.tissue(BOWEL))
        kind = generator.random()
        if kind < 0.45:
            canvas.paint(loop + 2.2, generator.uniform(5, 45) + 14 * canvas.texture)
        elif kind < 0.8:
            canvas.paint(loop + 2.0, -60 + 130 * canvas.texture)
            canvas.paint(np.maximum(loop + 2.0, plane.y - (y - 3) * s), GAS)
        else:
            canvas.paint(loop + 1.8, GAS)
