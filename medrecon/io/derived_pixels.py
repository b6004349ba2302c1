"""HU back into the numbers that a source stores, so that what was not changed is stored as it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medrecon.io.ct_frames import Frame
from medrecon.io.ct_numbers import padding_range, rescaling, stored_limits


def stored_numbers(hu: NDArray[np.float32], source: Frame, padding: NDArray[np.bool_] | None) -> NDArray[np.integer]:
    """`(y, x)` HU in the type, slope and intercept of `source`.

    Rounded to the nearest stored number (halves to the even one) and clipped to what the type holds. Padding gets the
    source's own numbers back; a measured pixel that would be taken for padding moves to the nearest number beside it.
    """
    slope, intercept = rescaling(source.header)
    low, high = stored_limits(source.header)
    exact = np.clip((hu.astype(np.float64) - intercept) / slope, low, high)
    numbers = np.rint(exact)
    ends = padding_range(source.header)
    if ends is not None:
        inside = (numbers >= ends[0]) & (numbers <= ends[1])
        numbers = np.where(inside, _beside(exact, ends, (low, high)), numbers)
    stored = numbers.astype(source.stored.dtype)
    return stored if padding is None else np.where(padding, source.stored, stored)


def _beside(exact: NDArray[np.float64], ends: tuple[int, int], limits: tuple[int, int]) -> NDArray[np.float64]:
    """The nearer of the two numbers beside the range `ends` that the type has."""
    below, above = float(ends[0] - 1), float(ends[1] + 1)
    if below < limits[0]:
        return np.full(exact.shape, above)
    if above > limits[1]:
        return np.full(exact.shape, below)
    return np.where(exact - below < above - exact, below, above)
