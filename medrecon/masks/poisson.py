"""2-D variable-density Poisson disc, from SigPy's generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from medrecon.crop import centred
from medrecon.masks.points import PointPattern
from medrecon.scan import Scan

BISECTIONS = 12
SURPLUS = 0.02
ATTEMPTS = 30


@final
@dataclass(frozen=True)
class PoissonDisc(PointPattern):
    """Points that keep a distance growing as 1 + slope |k / k_max| (Bridson 2007, as in `sigpy.mri.poisson`).

    The slope is bisected here, on the acquired lattice and with a bounded count, because SigPy's own search need not
    end. What is left of the difference to the requested number, usually below 2 %, is dropped or added at random.
    """

    def pick(self, scan: Scan, centre: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        lattice = scan.lattice.cpu().numpy()
        candidates = lattice & ~centre
        points = self._closest(candidates, lattice, int(np.sqrt(centre.sum())), count)
        surplus = int(points.sum()) - count
        spare = np.flatnonzero(points if surplus > 0 else candidates & ~points)
        points.ravel()[rng.permutation(spare)[: abs(surplus)]] = surplus < 0
        return points

    def _closest(self, candidates: np.ndarray, lattice: np.ndarray, side: int, count: int) -> np.ndarray:
        """The pattern whose number of points is closest to `count`, rather above than below."""
        best, best_surplus = np.zeros_like(lattice), -count
        low, high = 0.0, float(max(lattice.shape))
        for _ in range(BISECTIONS):
            slope = (low + high) / 2
            points = poisson_disc(lattice, slope, side, self.seed) & candidates
            surplus = int(points.sum()) - count
            if abs(surplus) < abs(best_surplus):
                best, best_surplus = points, surplus
            if 0 <= surplus <= SURPLUS * count:
                break
            low, high = (slope, high) if surplus > 0 else (low, slope)
        return best


def poisson_disc(lattice: np.ndarray, slope: float, side: int, seed: int) -> np.ndarray:
    """Bool `(y, x)` Poisson disc over the lattice's window whose distances grow outside a centre of `side` points."""
    from sigpy.mri.samp import _poisson  # the public function wraps this in a search that may not end

    rows, columns = (_window(np.asarray(lattice.any(1 - axis))) for axis in (0, 1))
    ny, nx = rows.stop - rows.start, columns.stop - columns.start
    radius = 1 + slope * np.hypot(_outside(ny, side)[:, None], _outside(nx, side)[None, :])
    radius_y, radius_x = (np.maximum(radius * n / max(ny, nx), 1) for n in (ny, nx))
    points = np.zeros_like(lattice)
    state = np.random.get_state()  # noqa: NPY002 - the generator seeds the global state, which is put back
    try:
        # no calibration region: a first point inside one would end the generation at once
        points[rows, columns] = _poisson(nx, ny, ATTEMPTS, radius_x, radius_y, (0, 0), seed) > 0
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return points


def _outside(n: int, side: int) -> np.ndarray:
    """|k| beyond the centre, over its largest value."""
    k = np.maximum(np.abs(np.arange(n) - n / 2) - side / 2, 0)
    return k / max(k.max(), 1)


def _window(acquired: np.ndarray) -> slice:
    """Smallest centred window that holds every acquired line."""
    n = len(acquired)
    k = np.flatnonzero(acquired) - n // 2
    return centred(n, min(n, 2 * int(max(-k.min(), k.max() + 1))))
