"""Grids: descending levels t from a start sigma to an end sigma, then 0, for any affine path.

A grid is called as `grid(path, start, end, steps)` with start and end as sigma = b / a, numbers or tensors, and returns
float64 levels `(steps + 1, …)` of their shape: `steps` of them noisy, the last one 0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.path import AffinePath
from medrecon.errors import InputError


@dataclass(frozen=True)
class Grid(ABC):
    """Spacing of the noise levels."""

    @final
    def __call__(self, path: AffinePath, start: Tensor | float, end: Tensor | float, steps: int) -> Tensor:
        """Levels t of `path`, `(steps + 1, …)`, from sigma `start` down to `end`, then 0.

        Raises InputError unless steps >= 1 and start >= end > 0.
        """
        if steps < 1:
            raise InputError(f"steps is {steps}; a grid needs at least 1 step")
        ends = [torch.as_tensor(sigma, dtype=torch.float64) for sigma in (start, end)]
        first, last = torch.broadcast_tensors(*ends)
        if not bool(((last > 0) & (last <= first) & first.isfinite()).all()):
            raise InputError(f"sampling from sigma {start} to {end}; give start >= end > 0")
        u = torch.linspace(0, 1, steps, dtype=torch.float64, device=first.device)
        noisy = self.spaced(path, first, last, u.reshape(-1, *(1,) * first.ndim))
        return torch.cat([noisy, torch.zeros_like(noisy[:1])])

    @abstractmethod
    def spaced(self, path: AffinePath, start: Tensor, end: Tensor, u: Tensor) -> Tensor:
        """Levels at the fractions u in [0, 1] of the way from sigma `start` to sigma `end`."""


@final
@dataclass(frozen=True)
class Karras(Grid):
    """Linear in sigma^(1/rho); a larger rho spends more steps at low noise (Karras et al. 2022, Eq. 5)."""

    rho: float = 7.0

    def spaced(self, path: AffinePath, start: Tensor, end: Tensor, u: Tensor) -> Tensor:
        high, low = start ** (1 / self.rho), end ** (1 / self.rho)
        return path.level((high + u * (low - high)) ** self.rho)


@final
@dataclass(frozen=True)
class LogSNR(Grid):
    """Linear in log sigma: the limit rho -> infinity of Karras (Lu et al. 2022)."""

    def spaced(self, path: AffinePath, start: Tensor, end: Tensor, u: Tensor) -> Tensor:
        return path.level((start.log() + u * (end.log() - start.log())).exp())


@final
@dataclass(frozen=True)
class UniformT(Grid):
    """Linear in the path's own t: on VP many steps at high noise, where data fix the coarse content."""

    def spaced(self, path: AffinePath, start: Tensor, end: Tensor, u: Tensor) -> Tensor:
        high, low = path.level(start), path.level(end)
        return high + u * (low - high)
