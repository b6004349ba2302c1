"""The demo head's slice through eyes, temporal lobes, pons and cerebellum; sizes in mm."""

from __future__ import annotations

import numpy as np

from medrecon.simulate import tissue
from medrecon.simulate.cortex import Folding, paint_lobe, sulcal_distance
from medrecon.simulate.head_parts import SIDES, Textures, head_outline, paint_envelope, paint_pial_vessels
from medrecon.simulate.shapes import Canvas, Field, Plane, inside, united


def paint_orbital_slice(
    canvas: Canvas, flat: Plane, plane: Plane, textures: Textures, generator: np.random.Generator
) -> None:
    """The slice through the eyes, temporal lobes, pons and cerebellum."""
    nose = plane.stroke([(0, -84, 12), (0, -101, 4.0)])
    ears = [plane.stroke([(s * 73, 0, 3.0), (s * 80, 10, 2.6), (s * 83, 20, 2.2), (s * 80, 25, 2.0)]) for s in SIDES]
    skin = united(head_outline(plane, 76, 95), nose)
    for ear in ears:
        canvas.paint(inside(ear), tissue.SKIN, textures.coarse)
    inner = paint_envelope(canvas, plane, skin, textures, generator)
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
    canvas: Canvas, plane: Plane, cavity: Field, textures: Textures, generator: np.random.Generator
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
        paint_pial_vessels(canvas, plane, sulci, depth, generator)


def _paint_cerebellum(
    canvas: Canvas, plane: Plane, cavity: Field, textures: Textures, generator: np.random.Generator
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


def _paint_brainstem(canvas: Canvas, plane: Plane, textures: Textures) -> None:
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


def _paint_skull_base(canvas: Canvas, plane: Plane, textures: Textures, generator: np.random.Generator) -> None:
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
    canvas: Canvas, flat: Plane, plane: Plane, skin: Field, textures: Textures, generator: np.random.Generator
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


def _paint_sinuses(canvas: Canvas, plane: Plane, textures: Textures, generator: np.random.Generator) -> None:
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


def _paint_eye(canvas: Canvas, plane: Plane, side: float, textures: Textures) -> None:
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
