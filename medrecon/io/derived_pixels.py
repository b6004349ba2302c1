"""HU back into the numbers that a source stores, so that what was not changed is stored as it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medrecon.io.ct_frames import Frame, padding_range, rescaling, stored_limits


def stored_numbers(hu: NDArray[np.float32], source: Frame, padding: NDArray[np.bool_] | None) -> NDArray[np.integer]:
    """`(y, x)` HU in the type, slope and intercept of `source`.

    Rounded to the nearest stored number (halves to the even one) and clipped to what the type holds. Padding gets the
    source's own numbers back; a measured pixel that would be taken for padding moves to the nearest number beside it.
    """
    slope, intercept = rescaling(source.header)
    low, high = stored_limits(source.header)
    numbers = np.clip(np.rint((hu.astype(np.float64) - intercept) / slope), low, high)
    ends = padding_range(source.header)
    if ends is not None:
        numbers = _beside(numbers, ends, (low, high))
    stored = numbers.astype(source.stored.dtype)
    return stored if padding is None else np.where(padding, source.stored, stored)


def _beside(numbers: NDArray[np.float64], ends: tuple[int, int], limits: tuple[int, int]) -> NDArray[np.float64]:
    """Out of the range `ends`, to the nearer side that the type has."""
    below, above = ends[0] - 1, ends[1] + 1
    inside = (numbers >= ends[0]) & (numbers <= ends[1])
    down = numbers - below <= above - numbers if below >= limits[0] else np.zeros(numbers.shape, bool)
    if above > limits[1]:
        down = np.ones(numbers.shape, bool)
    return np.where(inside, np.where(down, below, above), numbers)
