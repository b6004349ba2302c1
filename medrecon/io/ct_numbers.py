"""What the stored numbers of a CT frame mean: HU, or that nothing was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

HOUNSFIELD = ("", "HU", "US", "HU_MOD")
"""Rescale types of numbers in HU. US is "unspecified", which many exporters write beside plain HU."""


def hounsfield(stored: NDArray[np.integer], header: Dataset) -> NDArray[np.float32]:
    """Stored numbers times slope plus intercept (PS3.3, C.8.2.1); raises InputError where these are missing."""
    slope, intercept = rescaling(header)
    return (stored * slope + intercept).astype(np.float32)


def rescaling(header: Dataset) -> tuple[float, float]:
    """(slope, intercept) of a frame, checked."""
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None:
        raise InputError("a slice without RescaleSlope or RescaleIntercept, so its HU are unknown; export it again")
    kind = str(header.get("RescaleType") or "").upper()
    if kind not in HOUNSFIELD:
        raise InputError(f"its values are rescaled to {kind}; expected HU: give the HU series")
    if not (np.isfinite([float(slope), float(intercept)]).all() and float(slope) > 0):
        raise InputError(f"its rescale slope is {float(slope):g}, intercept {float(intercept):g}; export it again")
    return float(slope), float(intercept)


def padding_range(header: Dataset) -> tuple[int, int] | None:
    """Stored numbers that mean "never measured", ends included (PS3.3, C.7.5.1.1.2); None where none are named."""
    value = header.get("PixelPaddingValue")
    if value is None:
        return None
    limit = header.get("PixelPaddingRangeLimit")
    ends = [_folded(int(v), header) for v in (value, value if limit is None else limit)]
    return min(ends), max(ends)


def stored_limits(header: Dataset) -> tuple[int, int]:
    """Smallest and largest number that the stored type can hold."""
    bits = int(header.BitsStored)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if int(header.PixelRepresentation) else (0, (1 << bits) - 1)


def _folded(value: int, header: Dataset) -> int:
    """`value` in the bits and sign of the pixels: scanners write -2000 as 63536, and beside 12 bits."""
    low, high = stored_limits(header)
    return (value - low) % (high - low + 1) + low
