"""The chain of stages 1 and 3: from a noisy level down to the image, data on the clean estimate at every step.

Specification A.7: x_k-1 = c1 C(G(x_k, k, z)) + c2 x_k + s e, C the data step. On the estimate and not on the state,
where the AdaDiff paper has it: only a clean image can be compared with data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.draws import Draws
from medrecon.diffusion.adaptation.large_step import LargeStep
from medrecon.diffusion.datasteps.step import DataStep
from medrecon.progress import OnStep, Progress, silent

Estimate = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x, t, z) to x_0: the prior itself, or the prior as it was adapted."""


@dataclass(frozen=True, eq=False)
class Descent:
    """How to walk down.

    Attributes
    ----------
    prior : its posterior moves the state; the estimate comes from elsewhere, since it may be adapted.
    sigma : noise over signal at a level, by which the data step weighs the estimate.
    noisy : fresh noise at every step but the last; without it the posterior's mean.
    """

    prior: LargeStep
    sigma: Callable[[Tensor], Tensor]
    data: DataStep
    noisy: bool = True

    def __call__(
        self, x: Tensor, first: int, estimate: Estimate, draws: Draws, stage: str, on_step: OnStep = silent
    ) -> Landing:
        """From the state `x` `(n, y, x)` at level `first` >= 1, one network call a level."""
        state = raw = x
        for k in range(first, 0, -1):
            # a level for the network on the device, and one on the host, by which tables are read without waiting
            t, level = torch.full((), k, device=x.device), torch.tensor(k)
            state, raw = x, estimate(x, t, draws.latent(k))
            x0 = self.data(raw, self.sigma(t))
            x = self.prior.previous(x, x0, level, draws.noise(k) if self.noisy and k > 1 else None)
            on_step(Progress(stage, first - k + 1, first))
        return Landing(x, raw, state)


@dataclass(frozen=True, eq=False)
class Landing:
    """Where a descent ends: the image after the data, the network's last estimate, and the state it was made from."""

    image: Tensor
    estimate: Tensor
    state: Tensor

    def halves(self) -> tuple[Landing, Landing]:
        """Of a batch of two that were joined."""
        n, all_of = len(self.image) // 2, (self.image, self.estimate, self.state)
        return Landing(*(x[:n] for x in all_of)), Landing(*(x[n:] for x in all_of))
