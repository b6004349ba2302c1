"""Does a scan lie where the prior was trained?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ROUNDING = 1.001
"""Pixel sizes in files are rounded."""


def pixel_warning(voxel_mm: tuple[float, float] | None, pixel_range: Any, prior: str) -> str | None:
    """What a pixel size (y, x) in mm outside the prior's recorded range means, or None; also where one is unknown."""
    if voxel_mm is None or not isinstance(pixel_range, Sequence):
        return None
    low, high = pixel_range
    if low <= ROUNDING * min(voxel_mm) and max(voxel_mm) <= ROUNDING * high:
        return None
    return (
        f"pixels of {voxel_mm[0]:.3g} x {voxel_mm[1]:.3g} mm lie outside the {low:g} to {high:g} mm that the prior "
        f"{prior} was trained on: read the standard deviation and the residual with care, and compare with a method "
        "without a prior"
    )
