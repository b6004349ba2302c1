"""The demo head: two transverse slices from shapes, random fields and relaxation times; no patient stands behind.

Axes in mm: x to the left, y to the back, origin in the middle of the field of view. Sizes are textbook averages of an
adult head. T2-weighted fast spin echo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.simulate import tissue
from medrecon.simulate.cortex import Folding, paint_lobe, sulcal_distance
from medrecon.simulate.lesions import draw_lesions
from medrecon.simulate.shapes import FAR, Canvas, Field, Plane, inside, united

TR_MS, TE_MS = 4500.0, 92.0
SIDES = (-1.0, 1.0)


@final
@dataclass(frozen=True, eq=False)
class HeadSlice:
    """Magnitude `(y, x)` of a slice, coverage 0-1 by white matter, and by lesions."""

    signal: Field
    white: Field
    lesions: Field


@final
@dataclass(frozen=True, eq=False)
class _Textures:
    white: Field
    grey: Field
    coarse: Field

    @staticmethod
    def draw(plane: Plane, generator: np.random.Generator) -> _Textures:
        fine, middle, slow = (plane.noise(generator, *band) for band in ((0.8, 3), (3, 12), (25, 90)))
        return _Textures(
            white=1 + 0.018 * fine + 0.025 * middle + 0.03 * slow,
            grey=1 + 0.03 * fine + 0.03 * middle,
            coarse=1 + 0.07 * fine + 0.10 * middle,
        )


def draw_head(y_mm: Field, x_mm: Field, *, low: bool, generator: np.random.Generator) -> HeadSlice:
    """Draw the slice through the orbits (`low`) or the one through the basal ganglia on a grid `(y,)`, `(x,)` in mm."""
    flat = Plane(y_mm, x_mm)
    canvas = Canvas((len(y_mm), len(x_mm)), TR_MS, TE_MS)
    textures = _Textures.draw(flat, generator)
    plane = flat.warped(generator, 0.8, 45.0)
    if low:
        _paint_low(canvas, flat, plane, textures, generator)
    else:
        _paint_high(canvas, plane, textures, generator)
    lesions = draw_lesions(flat, canvas.white, generator)
    canvas.paint(lesions, tissue.LESION, textures.grey)
    return HeadSlice(np.maximum(canvas.signal, 0), canvas.white, lesions)


def _paint_envelope(
    canvas: Canvas, plane: Plane, skin: Field, textures: _Textures, generator: np.random.Generator
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


def _head_outline(plane: Plane, width: float, length: float) -> Field:
    """An egg, wider behind: distance to the skin."""
    taper = 1 + 0.07 * np.clip(plane.y / length, -1, 1)
    return plane.bent(plane.y, plane.x / taper).ellipse((0, 0), (width, length))


def _paint_high(canvas: Canvas, plane: Plane, textures: _Textures, generator: np.random.Generator) -> None:
    """The slice through frontal horns, basal ganglia, thalami and insulae."""
    inner = _paint_envelope(canvas, plane, _head_outline(plane, 79, 97), textures, generator)
    folding = Folding()
    depth = -inner - 1.7
    bent = plane.warped(generator, 0.9, 13.0)
    sulci = sulcal_distance(plane, depth, (0, 0), folding, generator)
    midline = np.abs(bent.x - 0.5) + 0.6 * np.maximum(np.minimum(plane.y + 40, 40 - plane.y), 0)
    sulci = np.minimum(sulci, midline + 0.2)
    for side in SIDES:
        trunk = bent.stroke([(side * 68, -13, 1.2), (side * 52, -7, 0.4), (side * 43, -5, 0.4)])
        front = bent.stroke([(side * 43, -5, 0.3), (side * 37, -12, 0.2), (side * 34, -20, 0.0)])
        back = bent.stroke([(side * 43, -5, 0.3), (side * 40, 6, 0.2), (side * 40, 19, 0.0), (side * 47, 25, 0.0)])
        sylvian = united(trunk, front, back)
        # around the insula the sulci of the random field give way to the fissure
        sulci = np.where(sylvian < 9, np.maximum(sulci, 6 - np.maximum(sylvian, 0) / 2), sulci)
        sulci = np.minimum(sulci, np.maximum(sylvian, 0) + 0.15)
    core = united(plane.ellipse((0, 0), (31, 36)), plane.ellipse((0, 34), (27, 22)))
    sulci = np.maximum(sulci, np.where(midline < 6, sulci, 8 - np.maximum(core + 4, 0)))
    paint_lobe(canvas, depth, sulci, folding, textures.white, textures.grey)
    _paint_callosum(canvas, bent, textures)
    _paint_deep_grey(canvas, bent, textures)
    _paint_ventricles(canvas, bent, textures)
    _paint_vessels_high(canvas, bent, sulci, depth, generator)


def _paint_callosum(canvas: Canvas, plane: Plane, textures: _Textures) -> None:
    genu = plane.stroke([(-17, -45, 2.0), (-8, -38, 3.2), (0, -36, 3.6), (8, -38, 3.2), (17, -45, 2.0)])
    splenium = plane.stroke([(-24, 42, 2.5), (-11, 36, 4.0), (0, 34, 4.6), (11, 36, 4.0), (24, 42, 2.5)])
    canvas.paint(inside(united(genu, splenium), 0.5), tissue.WHITE, 0.93 * textures.white, white=True)


def _paint_deep_grey(canvas: Canvas, plane: Plane, textures: _Textures) -> None:
    # the caudate hugs the frontal horn, the putamen caps the pallidum, the internal capsule runs between
    for side in SIDES:
        claustrum = plane.stroke([(side * 33.5, -14, 0.5), (side * 35, -2, 0.7), (side * 34, 13, 0.4)])
        canvas.paint(inside(claustrum, 0.3), tissue.GREY, textures.grey)
        putamen = plane.ellipse((side * 26.5, -3), (5.0, 15.5), side * -10)
        canvas.paint(inside(putamen, 0.5), tissue.PUTAMEN, textures.grey)
        pallidum = plane.ellipse((side * 20.5, 0), (4.2, 9.5), side * -20)
        canvas.paint(inside(pallidum, 0.6), tissue.PALLIDUM, textures.grey)
        lamina = np.maximum(np.abs(pallidum) - 0.35, putamen)
        canvas.paint(inside(lamina, 0.3), tissue.WHITE, textures.white)
        caudate = plane.ellipse((side * 12.5, -20), (4.6, 9.5), side * 16)
        canvas.paint(inside(caudate, 0.5), tissue.CAUDATE, textures.grey)
        thalamus = plane.ellipse((side * 11.0, 14), (8.6, 14.5), side * -22)
        canvas.paint(inside(thalamus, 0.8), tissue.THALAMUS, textures.grey)
        tail = plane.ellipse((side * 28, 30), (1.6, 2.2))
        canvas.paint(inside(tail, 0.5), tissue.CAUDATE, textures.grey)


def _paint_ventricles(canvas: Canvas, plane: Plane, textures: _Textures) -> None:
    for side in SIDES:
        horn = plane.stroke(
            [(side * 11.5, -34, 1.2), (side * 7.5, -27, 3.0), (side * 4.5, -17, 2.9), (side * 3.0, -10, 1.3)]
        )
        atrium = plane.stroke(
            [
                (side * 23, 30, 2.2),
                (side * 26, 37, 4.6),
                (side * 25, 46, 4.0),
                (side * 21, 56, 1.6),
                (side * 18, 62, 0.5),
            ]
        )
        ventricle = united(horn, atrium)
        rim = inside(ventricle - 1.0, 0.8)
        canvas.paint(0.35 * rim, tissue.LESION)  # the faint bright band along the ependyma
        canvas.paint(inside(ventricle), tissue.CSF)
        plexus = plane.ellipse((side * 25.5, 38), (2.2, 4.2), side * 10)
        canvas.paint(inside(plexus, 0.6), tissue.GREY, 0.9 * textures.coarse)
    third = plane.stroke([(0, -5, 0.7), (0, 6, 1.5), (0, 18, 1.5), (0, 25, 0.6)])
    canvas.paint(inside(third), tissue.CSF)
    cistern = plane.stroke([(-6, 29, 1.0), (0, 27.5, 1.8), (6, 29, 1.0)])
    canvas.paint(inside(cistern), tissue.CSF)
    for side in SIDES:
        fornix = plane.ellipse((side * 2.0, -7), (1.5, 1.9))
        canvas.paint(inside(fornix), tissue.WHITE, textures.white)


def _paint_vessels_high(
    canvas: Canvas, plane: Plane, sulci: Field, depth: Field, generator: np.random.Generator
) -> None:
    falx = np.maximum(np.abs(plane.x - 0.5) - 0.22, np.minimum(plane.y + 46, 50 - plane.y))
    canvas.paint(inside(np.maximum(falx, -depth - 1.5), 0.2), tissue.BONE)
    sinus = plane.ellipse((0.5, 84.5), (4.2, 2.6))
    frontal_vein = plane.ellipse((0.5, -84.5), (1.7, 1.4))
    galen = united(plane.ellipse((-1.9, 26.5), (0.9, 0.9)), plane.ellipse((1.9, 26.5), (0.9, 0.9)))
    anterior = united(plane.ellipse((-1.4, -46), (0.9, 1.0)), plane.ellipse((1.6, -47), (0.9, 1.0)))
    canvas.paint(inside(united(sinus, frontal_vein, galen, anterior)), tissue.BLOOD_FLOW)
    sylvian = [(s * x, y, 0.75) for s in SIDES for x, y in ((44, -5), (40.5, 3), (39, 13), (37, -12), (53, -7.5))]
    canvas.paint(inside(plane.dots(sylvian)), tissue.BLOOD_FLOW)
    _paint_pial_vessels(canvas, plane, sulci, depth, generator)
    _paint_perivascular(canvas, plane, depth, generator)


def _paint_pial_vessels(
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


def _paint_perivascular(canvas: Canvas, plane: Plane, depth: Field, generator: np.random.Generator) -> None:
    """Thin bright spaces along vessels that cross the white matter."""
    rows, columns = np.nonzero((canvas.white > 0.99) & (depth > 10))
    lines = np.full(canvas.white.shape, FAR)
    for pick in generator.choice(len(rows), 22, replace=False):
        x, y = float(plane.x[rows[pick], columns[pick]]), float(plane.y[rows[pick], columns[pick]])
        inward = generator.uniform(1.5, 5) / (np.hypot(x, y) + 1e-6)
        lines = np.minimum(lines, plane.stroke([(x, y, 0.25), (x - x * inward, y - y * inward, 0.15)]))
    canvas.paint(0.7 * inside(lines) * canvas.white, tissue.CSF)


def _paint_low(canvas: Canvas, flat: Plane, plane: Plane, textures: _Textures, generator: np.random.Generator) -> None:
    """The slice through the eyes, temporal lobes, pons and cerebellum."""
    nose = plane.stroke([(0, -84, 12), (0, -101, 4.0)])
    ears = [plane.stroke([(s * 73, 0, 3.0), (s * 80, 10, 2.6), (s * 83, 20, 2.2), (s * 80, 25, 2.0)]) for s in SIDES]
    skin = united(_head_outline(plane, 76, 95), nose)
    for ear in ears:
        canvas.paint(inside(ear), tissue.SKIN, textures.coarse)
    inner = _paint_envelope(canvas, plane, skin, textures, generator)
    _paint_face(canvas, flat, plane, skin, textures, generator)
    cavity = np.maximum(inner, _front_wall(plane))
    canvas.paint(inside(cavity - 2.5), tissue.BONE)
    canvas.paint(inside(cavity), tissue.CSF)
    _paint_temporal(canvas, plane, cavity, textures, generator)
    _paint_cerebellum(canvas, plane, cavity, textures, generator)
    _paint_brainstem(canvas, plane, textures)
    _paint_skull_base(canvas, plane, textures, generator)


def _front_wall(plane: Plane) -> Field:
    """Positive in front of the sphenoid wings and the sella."""
    x = np.abs(plane.x)
    wall = -25 - 17 * np.exp(-(((x - 36) / 15) ** 2)) + 5 * np.exp(-((x / 9) ** 2))
    return wall - plane.y


def _paint_temporal(
    canvas: Canvas, plane: Plane, cavity: Field, textures: _Textures, generator: np.random.Generator
) -> None:
    folding = Folding(wavelength=16.0, depth=(9.0, 19.0))
    for side in SIDES:
        lobe = np.maximum(plane.ellipse((side * 41, -4), (24.5, 35), side * 6), cavity + 1.6)
        depth = -lobe
        sulci = sulcal_distance(plane, depth, (side * 40, -4), folding, generator)
        paint_lobe(canvas, depth, sulci, folding, textures.white, textures.grey)
        horn = plane.stroke([(side * 33, -9, 0.8), (side * 36, 2, 1.4), (side * 39, 12, 0.8)])
        hippocampus = plane.ellipse((side * 28, 2), (4.2, 9.5), side * -10)
        canvas.paint(inside(hippocampus, 0.6), tissue.GREY, textures.grey)
        canvas.paint(inside(plane.ellipse((side * 27, -14), (6.2, 6.5)), 0.7), tissue.GREY, textures.grey)
        canvas.paint(inside(horn), tissue.CSF)
        _paint_pial_vessels(canvas, plane, sulci, depth, generator)


def _paint_cerebellum(
    canvas: Canvas, plane: Plane, cavity: Field, textures: _Textures, generator: np.random.Generator
) -> None:
    halves = united(*(plane.ellipse((s * 26, 46), (32, 31), s * 12) for s in SIDES))
    vermis = plane.ellipse((0, 50), (10, 26))
    depth = -np.maximum(united(halves, vermis), cavity + 1.8)
    # folia: thin sheets about parallel to the surface, between fissures that branch from a white core
    radius = np.hypot(plane.x / 1.25, plane.y - 28) + 2.0 * plane.noise(generator, 10, 40)
    leaf = np.cos(2 * np.pi * radius / 3.6)
    fissures = sulcal_distance(plane, depth, (0, 28), Folding(14.0, (8.0, 18.0), stretch=3.5), generator)
    core = united(*(plane.ellipse((s * 21, 37), (14, 11), s * 25) for s in SIDES))
    shell = inside(-depth) * (1 - inside(core, 2.0))
    canvas.paint(inside(-depth), tissue.GREY, textures.grey)
    canvas.paint(0.55 * shell * np.clip(leaf, 0, 1) * inside(3.0 - depth, 1.0), tissue.WHITE, textures.white)
    canvas.paint(0.30 * shell * np.clip(-leaf - 0.3, 0, 1) * inside(depth - 14, 4.0), tissue.CSF)
    canvas.paint(0.80 * shell * inside(fissures - 0.3, 0.3), tissue.CSF)
    canvas.paint(inside(core, 1.0), tissue.WHITE, textures.white, white=True)
    for side in SIDES:
        dentate = np.abs(plane.ellipse((side * 15, 38), (6.5, 4.5), side * 30)) - 0.6
        canvas.paint(inside(dentate, 0.5), tissue.PALLIDUM, textures.grey)
    canvas.paint(inside(-depth) * inside(np.abs(plane.x) + 0.7 * np.maximum(62 - plane.y, 0) - 0.9), tissue.CSF)


def _paint_brainstem(canvas: Canvas, plane: Plane, textures: _Textures) -> None:
    pons = united(
        plane.ellipse((0, 9), (15.5, 12.0)), *(plane.stroke([(s * 8, 13, 7), (s * 19, 26, 5)]) for s in SIDES)
    )
    canvas.paint(inside(np.maximum(pons - 1.2, plane.y - 8)), tissue.CSF)
    canvas.paint(inside(pons), tissue.WHITE, 1.06 * textures.white, white=True)
    tegmentum = plane.ellipse((0, 16), (9, 5))
    canvas.paint(0.5 * inside(tegmentum, 1.5), tissue.GREY, textures.grey)
    for side in SIDES:
        canvas.paint(0.6 * inside(plane.ellipse((side * 5, 5), (3.0, 3.6)), 1.5), tissue.WHITE, 0.85)
    fourth = united(plane.ellipse((0, 25), (7.0, 2.6)), plane.ellipse((0, 27), (3.0, 3.4)))
    canvas.paint(inside(fourth), tissue.CSF)
    basilar = plane.ellipse((0.8, -5.2), (1.7, 1.6))
    carotids = united(*(plane.ellipse((s * 10.5, -20), (2.3, 2.6)) for s in SIDES))
    canvas.paint(inside(united(basilar, carotids)), tissue.BLOOD_FLOW)


def _paint_skull_base(canvas: Canvas, plane: Plane, textures: _Textures, generator: np.random.Generator) -> None:
    cells = plane.noise(generator, 3, 7)
    for side in SIDES:
        ridge = plane.stroke([(side * 22, 12, 1.6), (side * 38, 21, 3.4), (side * 58, 27, 7.5)])
        canvas.paint(inside(ridge), tissue.BONE)
        canvas.paint(inside(ridge + 1.2) * inside(-(cells - 0.9), 0.2), tissue.MARROW, textures.coarse)
        canvas.paint(inside(plane.ellipse((side * 36, 19), (2.4, 1.0), side * 30)), tissue.CSF)
        canal = plane.stroke([(side * 17, 9, 0.9), (side * 30, 15, 0.9)])
        canvas.paint(inside(canal), tissue.CSF)
        sigmoid = plane.ellipse((side * 55, 38), (3.2, 4.6), side * 20)
        canvas.paint(inside(sigmoid), tissue.BLOOD_FLOW)
    clivus = plane.ellipse((0, -16), (8.5, 4.0))
    canvas.paint(inside(clivus), tissue.BONE)
    canvas.paint(inside(clivus + 1.0, 0.5), tissue.MARROW, textures.coarse)
    pituitary = plane.ellipse((0, -21.5), (5.5, 2.6))
    canvas.paint(inside(pituitary), tissue.GREY, 1.1 * textures.grey)


def _paint_face(
    canvas: Canvas, flat: Plane, plane: Plane, skin: Field, textures: _Textures, generator: np.random.Generator
) -> None:
    """Everything in front of the skull base: orbits, ethmoid, sphenoid sinus, cheek muscle."""
    front = np.maximum(skin + 2.0, plane.y + 16)
    canvas.paint(inside(front), tissue.FAT, textures.coarse)
    for side in SIDES:
        belly = np.maximum(plane.ellipse((side * 61, -37), (9.5, 25), side * 18), skin + 4)
        canvas.paint(inside(belly), tissue.MUSCLE, textures.coarse)
        cone = united(
            plane.ellipse((side * 31, -66), (19, 19)), plane.stroke([(side * 29, -62, 17), (side * 15, -32, 4)])
        )
        canvas.paint(inside(np.maximum(cone - 2.6, skin + 4)), tissue.BONE)
        canvas.paint(inside(np.maximum(cone, skin + 2.5)), tissue.FAT, 1.1 * textures.coarse)
        wing = plane.stroke([(side * 18, -31, 2.0), (side * 40, -45, 2.6), (side * 55, -47, 2.4)])
        canvas.paint(inside(wing), tissue.BONE)
        canvas.paint(inside(wing + 1.3, 0.4), tissue.MARROW, textures.coarse)
    _paint_sinuses(canvas, plane, textures, generator)
    for side in SIDES:
        _paint_eye(canvas, flat, side, textures)


def _paint_sinuses(canvas: Canvas, plane: Plane, textures: _Textures, generator: np.random.Generator) -> None:
    ethmoid = np.maximum(np.abs(plane.x) - 12.5 - 0.03 * (plane.y + 60), np.abs(plane.y + 64) - 21)
    sphenoid = plane.ellipse((0, -34), (14, 8.5))
    bridge = plane.stroke([(0, -84, 3.0), (0, -94, 2.0)])
    canvas.paint(inside(united(ethmoid, sphenoid) - 1.2), tissue.BONE)
    walls = plane.noise(generator, 7, 12)
    septa = np.abs(walls) / np.maximum(plane.gradient(walls), 0.15) - 0.5
    lining = united(np.maximum(septa, ethmoid), np.maximum(ethmoid, -ethmoid - 0.9))
    canvas.paint(inside(united(ethmoid, sphenoid)), tissue.AIR)
    canvas.paint(inside(lining, 0.3), tissue.MUCOSA, 0.8 * textures.coarse)
    canvas.paint(inside(np.maximum(np.abs(plane.x - 1.0) - 0.8, united(ethmoid, sphenoid)), 0.3), tissue.BONE)
    canvas.paint(inside(np.maximum(sphenoid, -sphenoid - 0.8), 0.3), tissue.MUCOSA, 0.7)
    canvas.paint(inside(bridge), tissue.BONE)


def _paint_eye(canvas: Canvas, plane: Plane, side: float, textures: _Textures) -> None:
    for wall in (
        [(18.5, -72, 1.2), (16.5, -55, 2.1), (13.5, -36, 1.0)],
        [(45, -68, 1.2), (38, -50, 2.0), (18, -34, 1.0)],
    ):
        canvas.paint(inside(plane.stroke([(side * x, y, r) for x, y, r in wall])), tissue.MUSCLE, textures.coarse)
    nerve = [(31.0, -57), (26.0, -47), (16.5, -33)]
    canvas.paint(inside(plane.stroke([(side * x, y, 2.9) for x, y in nerve])), tissue.CSF, 0.8)
    canvas.paint(inside(plane.stroke([(side * x, y, 1.9) for x, y in nerve])), tissue.WHITE, textures.white)
    globe = united(plane.ellipse((side * 32, -70), (12.2, 12.2)), plane.ellipse((side * 32, -78), (6.5, 6.0)))
    canvas.paint(inside(globe), tissue.BONE)
    canvas.paint(inside(globe + 1.1), tissue.VITREOUS)
    lens = plane.ellipse((side * 32, -78.6), (4.8, 2.1))
    canvas.paint(inside(lens), tissue.LENS)
    iris = np.maximum(np.maximum(np.abs(plane.y + 80.2) - 0.5, globe + 1), -lens)
    canvas.paint(inside(iris), tissue.MUSCLE)
