"""1-D equispaced lines whose spacing makes the net acceleration right."""

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.masks.lines import LinePattern


@final
@dataclass(frozen=True)
class Equispaced(LinePattern):
    """Lines outside the centre as evenly as the grid allows: gaps differ by at most one line.

    The seed sets the offset. Since the centre counts in R, the spacing is wider than R.
    """

    def pick(self, position: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        spacing = len(position) / max(count, 1)
        return ((np.arange(count) + rng.random()) * spacing).astype(int)
