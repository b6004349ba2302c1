"""Random numbers of the augmentation: one generator, passed around, never the global one."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F


@final
class Draw:
    """Draws `(batch, …)` tensors on the generator's device."""

    def __init__(self, batch: int, generator: torch.Generator) -> None:
        self.batch, self.generator, self.device = batch, generator, generator.device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        u = torch.rand(self.batch, *shape, generator=self.generator, device=self.device)
        return low + (high - low) * u

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.batch, *shape, generator=self.generator, device=self.device)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """Bool: True with the given probability."""
        return self.uniform(0.0, 1.0, *shape) < probability

    def smooth_field(self, size: int, cells: int, channels: int = 1) -> Tensor:
        """`(batch, channels, size, size)` smooth field of about unit variance with `cells` bumps across."""
        coarse = self.normal(channels, cells + 1, cells + 1)
        return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)
