"""The path of cold diffusion: from a known corruption of the image, such as its low-dose scan, to the clean one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.diffusion.path import AffinePath
from medrecon.errors import InputError

NEARLY_CLEAN = 1e-3
"""The last noisy level of CoreDiff's table, whose first alpha is 0.999."""


@final
@dataclass(frozen=True)
class Blend(AffinePath):
    """a = 1 - t, b = t, t in [0, 1]: x_t = (1 - t) x0 + t x_T, x_T the corrupted image in the place of noise.

    Weights sum to 1, so that the mean in HU is kept; the alpha of cold diffusion (Bansal et
    al. 2022) is a.
    At t = 1 nothing but x_T is left and sigma is infinite.
    """

    reaches_end: ClassVar[bool] = True

    def a(self, t: Tensor) -> Tensor:
        return 1 - t

    def b(self, t: Tensor) -> Tensor:
        return t

    def level(self, sigma: Tensor) -> Tensor:
        return 1 / (1 + 1 / sigma)  # also where sigma is infinite


def linear_levels(steps: int) -> Tensor:
    """Even ones, t = i / steps."""
    return torch.linspace(1, 0, steps + 1, dtype=torch.float64)


def corediff_levels(steps: int) -> Tensor:
    """CoreDiff's table (Gao et al. 2024): t = i / (steps - 1), where the lowest is 0.001, and then 0."""
    levels = torch.linspace(1, 0, max(steps, 2), dtype=torch.float64)[:steps]
    return torch.cat([levels.clamp(min=NEARLY_CLEAN), torch.zeros(1, dtype=torch.float64)])


def cosine_levels(steps: int) -> Tensor:
    """With a = cos^2(pi / 2 i / steps): the squares of cold diffusion's cosine weights, which sum to 1."""
    return (math.pi / 2 * linear_levels(steps)).sin() ** 2


GRIDS: dict[str, Callable[[int], Tensor]] = {
    "linear": linear_levels,
    "corediff": corediff_levels,
    "cosine": cosine_levels,
}
"""Spacings by name."""

SHORT_OF_END = 0.25
"""Share of the first step by which an integrator that looks ahead begins below t = 1.

From t = 1 itself no state is reached but through an estimate of the clean image, which a look ahead does not have; and
its quadrature is one in sigma, infinite there: what both ends of the first step differ by would grow by a_s / (2 a_t).
With a quarter that is a factor of 2. The second order that Heun has elsewhere is lost in this step.
"""


def blend_levels(grid: str, steps: int, *, looks_ahead: bool = False) -> Tensor:
    """`(steps + 1,)` float64 levels t from 1 down to 0; the first a little below 1 for an integrator that looks ahead.

    Raises InputError for an unknown grid or less than one step.
    """
    if grid not in GRIDS:
        raise InputError(f"unknown grid '{grid}'; choose one of {', '.join(GRIDS)}")
    if steps < 1:
        raise InputError(f"steps is {steps}; give a whole number of at least 1")
    levels = GRIDS[grid](steps)
    if looks_ahead and steps > 1:
        levels[0] = torch.lerp(levels[0], levels[1], SHORT_OF_END)
    return levels
