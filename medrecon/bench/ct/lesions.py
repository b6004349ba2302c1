"""Lesions of 10 to 40 HU and 2 to 6 mm, put into soft tissue before the dose is taken away (evaluation.md 6).

They have the three lobes of `bench.lesions`, off the training distribution in shape and place.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from medrecon.bench.lesions import APART_MM, DIAMETERS_MM, Image, Lesion, coverage

CONTRASTS_HU = (40.0, -20.0, 10.0, -40.0, 20.0, -10.0)
"""Five sizes a slice, so that six slices show every size at every contrast."""
TISSUE_HU = (-150.0, 200.0)
SMOOTHED = 5
"""Pixels over which the slice is smoothed before tissue is looked for, since it holds noise."""


def draw_lesions(
    image: Image, index: int, pixel_mm: tuple[float, float], generator: np.random.Generator
) -> list[Lesion]:
    """Lesions of every size for the `index`-th slice, `(y, x)` HU, each its own diameter away from the tissue's edge.

    Their `contrast` is in HU. Those that find no place are left out.
    """
    smooth = ndimage.uniform_filter(image, SMOOTHED)
    tissue = (smooth > TISSUE_HU[0]) & (smooth < TISSUE_HU[1])
    clearance = np.asarray(ndimage.distance_transform_edt(np.pad(tissue, 1), sampling=pixel_mm))[1:-1, 1:-1]
    found: list[Lesion] = []
    for size, diameter in enumerate(DIAMETERS_MM[::-1]):
        rows, columns = np.nonzero(clearance > diameter)
        if not len(rows):
            continue
        pick, contrast = int(generator.integers(len(rows))), CONTRASTS_HU[(index + size) % len(CONTRASTS_HU)]
        lesion = Lesion(index, diameter, contrast, int(rows[pick]), int(columns[pick]), float(generator.uniform(0, 6)))
        y = (np.arange(image.shape[0]) - lesion.y)[:, None] * pixel_mm[0]
        x = (np.arange(image.shape[1]) - lesion.x)[None, :] * pixel_mm[1]
        clearance = np.minimum(clearance, np.hypot(y, x) - diameter / 2 - APART_MM)
        found.append(lesion)
    return found


def lesion_difference(lesions: Iterable[Lesion], shape: tuple[int, int], pixel_mm: tuple[float, float]) -> Image:
    """`(y, x)` HU that the lesions add to a slice of that shape."""
    difference = np.zeros(shape)
    for lesion in lesions:
        difference += lesion.contrast * coverage(lesion, shape, pixel_mm)
    return difference
