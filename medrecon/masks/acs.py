"""The fully sampled centre of k-space (ACS), and acceleration counted on what the protocol covers."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from medrecon.crop import centred

ARRAY_AXIS = {"y": -2, "x": -1}
MIN_ACS = 8


def acs_size(mask: Tensor, lattice: Tensor, phase_axes: tuple[str, ...]) -> tuple[int, int]:
    """(ny, nx) of the largest fully sampled window around index n // 2; (0, 0) where the centre is not sampled.

    `mask` and `lattice` are `(y, x)` bool. One phase axis: whole lines times the readout extent of the lattice.
    Two: the rectangle whose shorter side is longest, then the one of largest area. The window of size s starts
    at n // 2 - s // 2.
    """
    sampled = (mask & lattice).cpu().numpy()
    if len(phase_axes) == 2:
        return _largest_rectangle(sampled)
    axis = ARRAY_AXIS[phase_axes[0]]
    acquired = lattice.cpu().numpy()
    whole = np.logical_and(sampled.any(-3 - axis), (sampled | ~acquired).all(-3 - axis))
    lines, readout = _centred_run(whole), _centred_run(np.asarray(acquired.any(axis)))
    if lines == 0:
        return 0, 0
    return (lines, readout) if axis == -2 else (readout, lines)


def net_acceleration(mask: Tensor, lattice: Tensor) -> float:
    """Acquired lattice points over sampled points (evaluation.md 1); inf for an empty mask."""
    sampled = int((mask & lattice).sum())
    return int(lattice.sum()) / sampled if sampled else float("inf")


def default_acs(accel: float, n_lines: int) -> int:
    """Centre lines by default: 20 / 18 / 16 / 12 at R <= 4 / 6 / 8 / above.

    At most half of the n_lines / R sampled lines, at least 8; they count in R (evaluation.md 1).
    """
    return max(min(usual_acs(accel), round(n_lines / accel) // 2), MIN_ACS)


def usual_acs(accel: float) -> int:
    """Centre lines by the table alone, for matrices that are large enough."""
    return next((acs for limit, acs in ((4, 20), (6, 18), (8, 16)) if accel <= limit), 12)


def _centred_run(sampled: np.ndarray) -> int:
    """Size of the largest centred window that is all True."""
    n = len(sampled)
    misses = np.abs(np.flatnonzero(~sampled) - n // 2)
    below = n // 2 - np.flatnonzero(~sampled[: n // 2]).max(initial=-1) - 1
    above = np.flatnonzero(~sampled[n // 2 :]).min(initial=n - n // 2)
    if misses.min(initial=n) == 0:
        return 0
    # a window of size s reaches s // 2 below the centre and (s - 1) // 2 above it
    return int(min(2 * below + 1, 2 * above))


def _largest_rectangle(sampled: np.ndarray) -> tuple[int, int]:
    ny, nx = sampled.shape
    holes = np.pad(np.cumsum(np.cumsum(~sampled, 0), 1), ((1, 0), (1, 0)))
    best = (0, 0)
    width = nx
    for height in range(1, ny + 1):
        rows = centred(ny, height)
        while width and _count(holes, rows, centred(nx, width)):
            width -= 1
        best = max(best, (height, width), key=lambda size: (min(size), size[0] * size[1]))
        if width == 0:
            break
    return best if min(best) else (0, 0)


def _count(cumulative: np.ndarray, rows: slice, columns: slice) -> int:
    top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
    return int(cumulative[bottom, right] - cumulative[top, right] - cumulative[bottom, left] + cumulative[top, left])
