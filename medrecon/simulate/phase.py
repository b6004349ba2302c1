"""Object phase of a head at 3 T, for tests and benchmarks; training draws its phase by another recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

SINUS_RADIUS_MM = 14.0


@final
@dataclass(frozen=True)
class HeadPhase:
    """Phase in radians as a function of position (z, y, x) in mm from the centre of the head.

    Attributes
    ----------
    radius_mm : half the extent of the head, at which the coefficients below are reached.
    quadratic : coefficients of (y^2, x^2, z^2, xy) of the B0 inhomogeneity.
    sinus_mm, sinus_phase : place of the air-filled sinus and the phase at its surface on the B0 axis.
    ramp : phase from the centre to the edge along the readout (y) by an echo that is not in the middle.
    receive : coefficients of the real solid harmonics of degree 0 to 2.
    """

    radius_mm: float
    quadratic: tuple[float, ...]
    sinus_mm: tuple[float, float, float]
    sinus_phase: float
    ramp: float
    receive: tuple[float, ...]

    def __call__(self, z_mm: ArrayLike, y_mm: ArrayLike, x_mm: ArrayLike) -> NDArray[np.float64]:
        z, y, x = (np.asarray(v, np.float64) / self.radius_mm for v in (z_mm, y_mm, x_mm))
        b0 = np.dot(np.stack(np.broadcast_arrays(y**2, x**2, z**2, x * y), -1), self.quadratic)
        dz, dy, dx = (np.asarray(v, np.float64) - c for v, c in zip((z_mm, y_mm, x_mm), self.sinus_mm, strict=True))
        return b0 + self.sinus_phase * _dipole(dz, dy, dx) / 2 + self.ramp * y + self._receive(z, y, x)

    def _receive(self, z: NDArray, y: NDArray, x: NDArray) -> NDArray[np.float64]:
        harmonics = (
            np.ones_like(z), z, y, x,
            x * y, y * z, x * z, x**2 - y**2, z**2 - (x**2 + y**2) / 2,
        )  # fmt: skip
        return np.dot(np.stack(np.broadcast_arrays(*harmonics), -1), self.receive)


def _dipole(dz: NDArray, dy: NDArray, dx: NDArray) -> NDArray[np.float64]:
    """Field of a magnetised sphere, (3 cos^2 - 1) (R / r)^3 outside, zero (B0 frame) within; 2 at its poles."""
    r2 = dz**2 + dy**2 + dx**2
    r = np.sqrt(np.maximum(r2, SINUS_RADIUS_MM**2))
    outside = (3 * dz**2 / r**2 - 1) * (SINUS_RADIUS_MM / r) ** 3
    return outside * np.minimum(r2 / SINUS_RADIUS_MM**2, 1.0)


def draw_phase(generator: np.random.Generator, radius_mm: float = 90.0) -> HeadPhase:
    """Draw a phase: B0 up to 3 wraps across the head, sinus dipole to 1 wrap, echo ramp to +-1 cycle, receive phase."""
    curvature = generator.uniform(-1, 1, 4)
    curvature *= 2 * np.pi * generator.uniform(0.5, 3) / np.abs(curvature).sum()
    side = generator.uniform(-6, 6)
    receive = generator.uniform(-1, 1, 9)
    receive[0] *= np.pi
    return HeadPhase(
        radius_mm=radius_mm,
        quadratic=tuple(curvature.tolist()),
        sinus_mm=(-0.45 * radius_mm, -0.7 * radius_mm, side),
        sinus_phase=float(generator.uniform(0.5, 1) * 2 * np.pi),
        ramp=float(generator.uniform(-1, 1) * np.pi),
        receive=tuple(receive.tolist()),
    )
