"""The value that fills what was never measured, in files that have no tag for it."""

import numpy as np
from numpy.typing import NDArray

from medrecon.volume import AIR

ENOUGH = 16
"""Pixels that hold the smallest value. The smallest value of noise is met once or twice."""


def fill_value(values: NDArray[np.float32]) -> float | None:
    """The smallest value, where it is below -1024 HU and stands in many pixels; None where it may be measured."""
    low = float(values.min())
    return low if low < AIR and np.count_nonzero(values == low) >= ENOUGH else None
