"""Receive coils from first principles: the field of circular loops around the head, and the noise they share.

By reciprocity the sensitivity of a loop is the field B1- = Bx - i By that a unit current in it would make
(Hoult, Concepts Magn Reson 2000). The static field points along the slice normal z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ellipe, ellipkm1

WIRE_MM = 4.0
"""Closest distance to the conductor at which the field is evaluated: a wire has a thickness."""


@final
@dataclass(frozen=True)
class Loop:
    """A circular loop: centre and unit normal as (z, y, x), radius; lengths in mm."""

    centre: tuple[float, float, float]
    normal: tuple[float, float, float]
    radius: float

    def field(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Biot-Savart field `(…, 3)` per unit mu0 I at `points` `(…, 3)`, axes (z, y, x), in 1 / mm.

        Closed form with complete elliptic integrals (Smythe, Static and Dynamic Electricity, §7.10).
        """
        a, n = self.radius, np.asarray(self.normal)
        offset = points - np.asarray(self.centre)
        height = offset @ n
        radial = offset - height[..., None] * n
        rho = np.linalg.norm(radial, axis=-1)
        far = (a + rho) ** 2 + height**2
        near = np.maximum((a - rho) ** 2 + height**2, WIRE_MM**2)
        k, e = ellipkm1(near / far), ellipe(1 - near / far)
        scale = 1 / (2 * np.pi * np.sqrt(far))
        along = scale * (k + (a**2 - rho**2 - height**2) / near * e)
        safe = np.where(rho < 1e-9 * a, np.inf, rho)
        across = scale * height / safe * (-k + (a**2 + rho**2 + height**2) / near * e)
        return along[..., None] * n + (across / safe)[..., None] * radial


def cylinder(n: int, semi_axes_mm: tuple[float, float], z_mm: float = 0.0, turn: float = 0.0) -> list[Loop]:
    """`n` overlapping loops in one ring of an elliptic cylinder with semi-axes (y, x), facing inwards.

    `turn` rotates the ring, in units of the distance between neighbours.
    """
    angle = 2 * np.pi * (np.arange(n) + turn) / n
    b, a = semi_axes_mm
    radius = min(0.6 * 2 * np.pi * np.sqrt((a**2 + b**2) / 2) / n, 0.7 * min(a, b))
    inward = -np.stack([np.sin(angle) / b, np.cos(angle) / a], -1)
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True)
    return [
        Loop((z_mm, b * np.sin(t), a * np.cos(t)), (0.0, float(v[0]), float(v[1])), float(radius))
        for t, v in zip(angle, inward, strict=True)
    ]


def helmet(n: int, semi_axes_mm: tuple[float, float], height_mm: float = 140.0) -> list[Loop]:
    """`n` loops in two or more staggered rings that narrow towards the vertex, about ten a ring."""
    rings = max(2, round(n / 10))
    sizes = [n // rings + (i < n % rings) for i in range(rings)]
    heights = np.linspace(-0.5, 0.5, rings) * height_mm * (1 - 1 / rings)
    loops = []
    for i, (size, z) in enumerate(zip(sizes, heights, strict=True)):
        narrow = np.sqrt(1 - (max(z, 0.0) / height_mm) ** 2)
        loops += cylinder(size, (semi_axes_mm[0] * narrow, semi_axes_mm[1] * narrow), float(z), turn=i / 2)
    return loops


def array_around(n: int, fov_mm: tuple[float, float]) -> list[Loop]:
    """Receive array of `n` loops around a field of view (y, x): a cylinder up to ten loops, a helmet above."""
    semi_axes = (0.62 * fov_mm[0], 0.62 * fov_mm[1])
    return cylinder(n, semi_axes) if n <= 10 else helmet(n, semi_axes)


def loading(n: int, generator: np.random.Generator) -> NDArray[np.complex128]:
    """`(coil,)` complex gains of loops that are loaded unequally: +-20 % and +-10 degrees."""
    gain = generator.uniform(0.8, 1.2, n)
    return np.asarray(gain * np.exp(1j * np.deg2rad(generator.uniform(-10, 10, n))), np.complex128)


def sensitivities(
    loops: Sequence[Loop],
    gains: NDArray[np.complex128],
    z_mm: float,
    y_mm: NDArray[np.float64],
    x_mm: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """Maps `(coil, y, x)` of B1- on the plane z, with sum_c |S_c|^2 = 1 at every pixel.

    A single loop keeps its phase and loses its magnitude, as any normalised map does.
    """
    z, y, x = np.broadcast_arrays(z_mm, y_mm[:, None], x_mm[None, :])
    points = np.stack([z, y, x], -1).astype(np.float64)
    maps = np.empty((len(loops), len(y_mm), len(x_mm)), np.complex128)
    for c, loop in enumerate(loops):
        b = loop.field(points)
        maps[c] = gains[c] * (b[..., 2] - 1j * b[..., 1])
    length = np.sqrt((np.abs(maps) ** 2).sum(0))
    return np.asarray(maps / np.maximum(length, np.finfo(float).tiny), np.complex128)


def noise_covariance(n: int, generator: np.random.Generator) -> NDArray[np.complex128]:
    """`(coil, coil)` Hermitian noise covariance with unit variances; neighbours correlate by 0.1-0.4.

    Rows sum to at most 1.8, so that it is positive definite (Gershgorin).
    """
    covariance = np.eye(n, dtype=np.complex128)
    for i in range(n if n > 2 else n - 1):
        j = (i + 1) % n
        covariance[i, j] = generator.uniform(0.1, 0.4) * np.exp(1j * generator.uniform(-np.pi, np.pi))
        covariance[j, i] = covariance[i, j].conj()
    return covariance


def correlated_noise(
    covariance: NDArray[np.complex128], shape: tuple[int, ...], generator: np.random.Generator
) -> NDArray[np.complex128]:
    """Complex Gaussian noise `(coil, *shape)`; `covariance` counts per real component."""
    white = generator.standard_normal((2, len(covariance), *shape))
    return np.tensordot(np.linalg.cholesky(covariance), white[0] + 1j * white[1], axes=1)
