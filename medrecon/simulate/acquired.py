"""Which part of a magnitude image's k-space was acquired; the rest is zero-filling and is cropped away.

Along an axis that was zero-filled, the k-space of the magnitude image falls steeply to the edge of the acquisition
and lies flat beyond it, where only the leakage of |.| is left. That kink, steep before and flat after, marks the edge.
A tenth of the half axis must lie beyond the edge for it to be seen; less than that is left alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

WINDOW = 0.075
"""Length over which slopes are taken, as a share of the half axis."""
KINK_DB = 40.0
"""Change of slope, in dB a half axis, that makes an edge; complete brains reach 25, zero-filled ones 48 or more."""
FLATTER = 0.6
"""Beyond the edge the slope is at most this share of the slope before it."""
DROP_DB = 12.0
"""How far the edge lies below the middle of the half axis."""
BORDER = 0.05
"""An edge closer than this to Nyquist saves nothing and cannot be told from a filter's tail."""


def fourier_profile(volume: NDArray, axis: int) -> NDArray[np.float64]:
    """Mean log magnitude (dB) of k-space against |frequency| along `axis` (1 or 2) of `(slice, y, x)`; DC left out.

    Over the central half of the other axis, where signal stands highest above the leakage.
    """
    k = np.abs(fft.fftshift(fft.fft2(volume), axes=(1, 2)))
    k = np.moveaxis(k, axis, 1)
    n, m = k.shape[1:]
    k = k[:, :, m // 2 - m // 4 : m // 2 + m // 4 + 1]
    floor = np.finfo(np.float32).eps * k.max() + np.finfo(float).tiny
    decibel = 20 * np.log10(np.maximum(k, floor)).mean((0, 2))
    half = (n - 1) // 2
    return (decibel[n // 2 + 1 :][:half] + decibel[n // 2 - half : n // 2][::-1]) / 2


def _slopes(profile: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Least-squares slope of each run of `width` samples, in dB a half axis."""
    lever = np.arange(width) - (width - 1) / 2
    return np.convolve(profile, -lever / (lever**2).sum(), "valid").astype(np.float64) * len(profile)


def acquired_length(profile: NDArray[np.float64], stored: int) -> int:
    """Number of samples that were acquired of `stored`; `stored` itself where there is no edge."""
    n = len(profile)
    width = max(4, round(WINDOW * n))
    slope = _slopes(profile, width)
    # sample e - 1 is the last before the edge: slopes of [e - width, e) and [e, e + width)
    edge = np.arange(max(width, int(0.3 * n)), min(n - width, int((1 - BORDER) * n)) + 1)
    if len(edge) == 0:
        return stored
    before, after = slope[edge - width], slope[edge]
    kink = after - before
    drop = profile[n // 3] - profile[edge]
    is_edge = (kink >= KINK_DB) & (after >= FLATTER * before) & (drop >= DROP_DB)
    if not is_edge.any():
        return stored
    best = int(edge[np.argmax(np.where(is_edge, kink, -np.inf))])
    return 2 * _sharpened(profile, best, width) + stored % 2


def _sharpened(profile: NDArray[np.float64], edge: int, width: int) -> int:
    """An edge blurred by its window, put where the fall has lost half of its steepness."""
    short = max(3, (width // 3) | 1)
    centre = np.arange(edge - width, edge + 1)
    slope = _slopes(profile, short)[centre - short // 2]
    return int(centre[slope <= slope.min() / 2][-1])


def acquired_matrix(volume: NDArray) -> tuple[int, int]:
    """Acquired matrix (y, x) of a magnitude volume `(slice, y, x)`, judged on its middle slices."""
    n = len(volume)
    middle = volume[int(0.25 * n) : int(0.75 * n) + 1]
    middle = np.asarray(middle[:: max(1, len(middle) // 16)], np.float64)
    ny, nx = volume.shape[1:]
    return acquired_length(fourier_profile(middle, 1), ny), acquired_length(fourier_profile(middle, 2), nx)


def fourier_crop(volume: NDArray, matrix: tuple[int, int]) -> NDArray[np.float64]:
    """Magnitude `(slice, *matrix)` of the central k-space; field of view and intensities are kept."""
    shape = volume.shape[1:]
    if tuple(matrix) == shape:
        return np.asarray(volume, np.float64)
    k = fft.fftshift(fft.fft2(fft.ifftshift(volume.astype(np.float64), axes=(1, 2))), axes=(1, 2))
    start = [n // 2 - m // 2 for n, m in zip(shape, matrix, strict=True)]
    k = k[:, start[0] : start[0] + matrix[0], start[1] : start[1] + matrix[1]]
    image = fft.fftshift(fft.ifft2(fft.ifftshift(k, axes=(1, 2))), axes=(1, 2))
    return np.abs(image) * (matrix[0] * matrix[1] / (shape[0] * shape[1]))
