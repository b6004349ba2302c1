"""Stage 3: some noise again, and the last levels once more: R1, R2 and R3 of specification A.7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.descent import Descent, Estimate
from medrecon.diffusion.adaptation.draws import Draws
from medrecon.progress import OnStep, silent

STAGE = "refinement"

Kind = Literal["renoise", "deterministic", "original"]
"""R1: with the adapted network. R2: without any noise, data replaced (DiffuseRecon's). R3: R1 with the prior as it was
trained, which pulls the image back to what the prior knows."""


@dataclass(frozen=True, eq=False)
class Refinement:
    """From an image up to `level` and down again.

    descent : its noise is on but for R2.
    final : whether the image is what the last data step gives; else what the network gives before it.
    """

    descent: Descent
    level: int
    final: bool = True

    def __call__(self, image: Tensor, estimate: Estimate, draws: Draws, on_step: OnStep = silent) -> Tensor:
        """The refined image `(n, y, x)`; `level` network calls."""
        noise = draws.noise(0) if self.descent.noisy else torch.zeros_like(image)
        state = self.descent.prior.noised(image, noise, torch.tensor(self.level))
        landed = self.descent(state, self.level, estimate, draws, STAGE, on_step)
        return landed.image if self.final else landed.estimate
