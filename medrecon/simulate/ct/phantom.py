"""CT phantoms of chest and abdomen with texture and inserts, for the demo, training and benchmarks; nobody is drawn.

Anatomy is drawn anew for each seed; sizes are textbook averages of adults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from medrecon.simulate.ct.abdomen import paint_abdomen
from medrecon.simulate.ct.canvas import HuCanvas
from medrecon.simulate.ct.chest import paint_chest
from medrecon.simulate.ct.inserts import Inserts, draw_inserts
from medrecon.simulate.ct.trunk import Build, paint_table
from medrecon.simulate.shapes import Field, Plane

Level = Literal["chest", "abdomen"]
LEVELS: tuple[Level, ...] = ("chest", "abdomen")
_BODY = 0xC7B0D


@final
@dataclass(frozen=True, eq=False)
class Trunk:
    """A drawn slice: `hu` `(y, x)` with its inserts."""

    hu: Field
    inserts: Inserts


def draw_trunk(level: Level, n: int, pixel_mm: float, seed: int) -> Trunk:
    """Draw a slice of `n` x `n` pixels from `seed`; another grid is another body."""
    along = (np.arange(n, dtype=np.float64) - (n - 1) / 2) * pixel_mm
    generator = np.random.default_rng([seed, _BODY, LEVELS.index(level)])
    flat = Plane(along, along)
    canvas = HuCanvas(flat, np.random.default_rng([seed, _BODY, 2]))
    build = Build.draw(generator, n * pixel_mm)
    plane = flat.warped(generator, 2.2, 70.0)
    paint_table(canvas, flat, build)
    (paint_chest if level == "chest" else paint_abdomen)(canvas, plane, build, generator)
    inserts = draw_inserts(flat, canvas.host, generator, max(0.25, pixel_mm / 2))
    return Trunk(canvas.hu + inserts.added, inserts)


class Phantom(NamedTuple):
    """A slice in HU, the numbers of its inserts (0 outside them), and what they add in HU: each `(y, x)`.

    `hu - contrast` is the same slice without inserts.
    """

    hu: Tensor
    inserts: Tensor
    contrast: Tensor


def textured_phantom(
    seed: int, n: int = 512, pixel_mm: float = 0.75, *, level: Level | None = None, blur_mm: float = 0.9
) -> Phantom:
    """A noise-free slice of `n` x `n` pixels, the level drawn from the seed unless given.

    Seen through a Gaussian of full width `blur_mm` at half its height, about the resolution of a scanner, so that its
    edges are no sharper than those of patients; `contrast` is blurred alike.
    """
    chosen = level or LEVELS[int(np.random.default_rng([seed, 3]).integers(2))]
    trunk = draw_trunk(chosen, n, pixel_mm, seed)
    sigma = blur_mm / 2.355 / pixel_mm

    def seen(field: Field) -> Tensor:
        return torch.from_numpy(np.asarray(ndimage.gaussian_filter(field, sigma, mode="nearest"), np.float32))

    return Phantom(seen(trunk.hu), torch.from_numpy(trunk.inserts.labels), seen(trunk.inserts.added))
