"""Image phase as a scanner leaves it: coils, off-resonance, echo shift, sinus (synthesis.md)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from medrecon.datasets.augmentation.draw import Draw

TURN = 6.283185307179586


@dataclass(frozen=True)
class PhaseOptions:
    """Correlation lengths in mm, ramps in cycles and wraps across the head.

    Far below what a scanner leaves: calibration takes the smooth part out, and the network has better use for its
    weights than phases that it never meets (benchmarks/results/prior_ablation.json).
    """

    coarse_mm: float = 120.0
    fine_mm: float = 40.0
    smooth_rad: float = 0.2
    ramp_cycles: float = 0.3
    wraps: float = 0.4
    dipole_share: float = 0.2


def random_phase(y_mm: Tensor, x_mm: Tensor, extent_mm: Tensor, draw: Draw, options: PhaseOptions) -> Tensor:
    """`(batch, y, x)` phase in radians on the grid of coordinates `(batch, n)` in mm."""
    y, x = (y_mm / extent_mm[:, :1])[:, :, None], (x_mm / extent_mm[:, 1:])[:, None, :]
    ramp = TURN * options.ramp_cycles * draw.uniform(-1, 1, 2, 1, 1)
    phase = ramp[:, 0] * y + ramp[:, 1] * x
    curve = 4 * TURN * options.wraps * draw.uniform(-1, 1, 3, 1, 1)
    phase = phase + (curve[:, 0] * y * y + curve[:, 1] * x * x + curve[:, 2] * x * y) * draw.uniform(0, 1, 1, 1) ** 2
    return phase + _smooth(y_mm, x_mm, draw, options) + _dipole(y, x, draw, options)


def _smooth(y_mm: Tensor, x_mm: Tensor, draw: Draw, options: PhaseOptions) -> Tensor:
    """A random field of the drawn correlation length, sampled from one coarse grid."""
    cells, step = 16, draw.log_uniform(options.fine_mm, options.coarse_mm, 1)
    coarse = draw.normal(1, cells, cells)
    gy, gx = y_mm / step * (2 / cells), x_mm / step * (2 / cells)
    n = y_mm.shape[1]
    grid = torch.stack([gx[:, None, :].expand(-1, n, -1), gy[:, :, None].expand(-1, -1, n)], -1)
    field = F.grid_sample(coarse, grid, mode="bicubic", padding_mode="reflection", align_corners=False)[:, 0]
    return options.smooth_rad * draw.uniform(0, 1, 1, 1) * field


def _dipole(y: Tensor, x: Tensor, draw: Draw, options: PhaseOptions) -> Tensor:
    """Field of a small air cavity near the rim of the head (Schenck 1996, dipole along y)."""
    place = draw.uniform(-0.5, 0.5, 2, 1, 1)
    dy, dx = y - place[:, 0], x - place[:, 1]
    r2 = dy * dy + dx * dx + 0.01
    strength = draw.uniform(-1, 1, 1, 1) * draw.chance(options.dipole_share, 1, 1) * 0.02 * TURN
    return strength * (2 * dy * dy - dx * dx) / r2**2
