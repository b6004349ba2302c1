"""2-D random points of Gaussian density."""

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.masks.gaussian import check_width, gaussian_density
from medrecon.masks.pattern import weighted_draw
from medrecon.masks.points import PointPattern, normalised_radius
from medrecon.scan import Scan


@final
@dataclass(frozen=True)
class Gaussian2D(PointPattern):
    """Points drawn without replacement; `width` is the density's standard deviation over k_max of each axis."""

    width: float = 1 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.width)

    def pick(self, scan: Scan, centre: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        lattice = scan.lattice.cpu().numpy()
        candidates = np.flatnonzero(lattice & ~centre)
        density = gaussian_density(normalised_radius(lattice).ravel()[candidates], self.width)
        points = np.zeros_like(lattice)
        points.ravel()[candidates[weighted_draw(density, count, rng)]] = True
        return points
