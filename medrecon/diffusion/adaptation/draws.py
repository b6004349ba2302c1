"""The random numbers of the three stages: each a function of seed, case, slice, stage and level alone."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.streams import Streams

OF_STAGE = 64
"""Draws that a stage may take, noise and latents apart: more than any schedule has levels."""


@final
class Draws:
    """Noise and latents of one stage, numbered by level; the noise of level 0 belongs to where a stage starts."""

    def __init__(self, streams: Streams, stage: int, shape: tuple[int, int], latent: int) -> None:
        self.streams, self.first, self.shape, self.size = streams, 2 * stage * OF_STAGE, shape, latent

    def noise(self, level: int | Tensor) -> Tensor:
        """`(n, y, x)` complex, of unit variance per real component."""
        return self.streams.normal(self.first + 2 * level, self.shape)

    def latent(self, level: int) -> Tensor:
        """Standard normal z `(n, latent)`."""
        drawn = self.streams.normal(self.first + 2 * level + 1, (1, -(-self.size // 2)))
        return torch.view_as_real(drawn).flatten(1)[:, : self.size]
