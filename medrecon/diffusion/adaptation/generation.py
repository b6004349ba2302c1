"""Stage 1: a few large steps from the noised zero-filled image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.descent import Descent, Estimate, Landing
from medrecon.diffusion.adaptation.draws import Draws
from medrecon.progress import OnStep, silent

STAGE = "generation"


@dataclass(frozen=True, eq=False)
class Generation:
    """Down from `level`, where it starts at the zero-filled image with that level's noise.

    At the highest level next to nothing of the image is left, and the start is the paper's Gaussian; lower ones save
    calls.
    """

    descent: Descent
    level: int

    def __call__(self, zero_filled: Tensor, estimate: Estimate, draws: Draws, on_step: OnStep = silent) -> Landing:
        """Where the chain of `zero_filled` `(n, y, x)` ends; `level` network calls."""
        x = self.descent.prior.noised(zero_filled, draws.noise(0), torch.tensor(self.level))
        return self.descent(x, self.level, estimate, draws, STAGE, on_step)
