"""The demo head's slice through frontal horns, basal ganglia, thalami and insulae; sizes in mm."""

from __future__ import annotations

import numpy as np

from medrecon.simulate import tissue
from medrecon.simulate.cortex import Folding, paint_lobe, sulcal_distance
from medrecon.simulate.head_parts import SIDES, Textures, head_outline, paint_envelope, paint_pial_vessels
from medrecon.simulate.shapes import FAR, Canvas, Field, Plane, inside, united


def paint_basal_slice(canvas: Canvas, plane: Plane, textures: Textures, generator: np.random.Generator) -> None:
    """The slice through frontal horns, basal ganglia, thalami and insulae."""
    inner = paint_envelope(canvas, plane, head_outline(plane, 79, 97), textures, generator)
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
    _paint_vessels(canvas, bent, sulci, depth, generator)


def _paint_callosum(canvas: Canvas, plane: Plane, textures: Textures) -> None:
    genu = plane.stroke([(-17, -45, 2.0), (-8, -38, 3.2), (0, -36, 3.6), (8, -38, 3.2), (17, -45, 2.0)])
    splenium = plane.stroke([(-24, 42, 2.5), (-11, 36, 4.0), (0, 34, 4.6), (11, 36, 4.0), (24, 42, 2.5)])
    canvas.paint(inside(united(genu, splenium), 0.5), tissue.WHITE, 0.93 * textures.white, white=True)


def _paint_deep_grey(canvas: Canvas, plane: Plane, textures: Textures) -> None:
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


def _paint_ventricles(canvas: Canvas, plane: Plane, textures: Textures) -> None:
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


def _paint_vessels(canvas: Canvas, plane: Plane, sulci: Field, depth: Field, generator: np.random.Generator) -> None:
    falx = np.maximum(np.abs(plane.x - 0.5) - 0.22, np.minimum(plane.y + 46, 50 - plane.y))
    canvas.paint(inside(np.maximum(falx, -depth - 1.5), 0.2), tissue.BONE)
    sinus = plane.ellipse((0.5, 84.5), (4.2, 2.6))
    frontal_vein = plane.ellipse((0.5, -84.5), (1.7, 1.4))
    galen = united(plane.ellipse((-1.9, 26.5), (0.9, 0.9)), plane.ellipse((1.9, 26.5), (0.9, 0.9)))
    anterior = united(plane.ellipse((-1.4, -46), (0.9, 1.0)), plane.ellipse((1.6, -47), (0.9, 1.0)))
    canvas.paint(inside(united(sinus, frontal_vein, galen, anterior)), tissue.BLOOD_FLOW)
    sylvian = [(s * x, y, 0.75) for s in SIDES for x, y in ((44, -5), (40.5, 3), (39, 13), (37, -12), (53, -7.5))]
    canvas.paint(inside(plane.dots(sylvian)), tissue.BLOOD_FLOW)
    paint_pial_vessels(canvas, plane, sulci, depth, generator)
    _paint_perivascular(canvas, plane, depth, generator)


def _paint_perivascular(canvas: Canvas, plane: Plane, depth: Field, generator: np.random.Generator) -> None:
    """Thin bright spaces along vessels that cross the white matter."""
    rows, columns = np.nonzero((canvas.white > 0.99) & (depth > 10))
    lines = np.full(canvas.white.shape, FAR)
    for pick in generator.choice(len(rows), 22, replace=False):
        x, y = float(plane.x[rows[pick], columns[pick]]), float(plane.y[rows[pick], columns[pick]])
        inward = generator.uniform(1.5, 5) / (np.hypot(x, y) + 1e-6)
        lines = np.minimum(lines, plane.stroke([(x, y, 0.25), (x - x * inward, y - y * inward, 0.15)]))
    canvas.paint(0.7 * inside(lines) * canvas.white, tissue.CSF)
