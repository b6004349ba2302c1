"""DPM-Solver++(2M): x0 extrapolated linearly in log-SNR from the last two predictions; second order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.diffusion.integrators.integrator import Integrator, Prediction
from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True)
class DPMpp2M(Integrator):
    """D = x0_t + h / (2 h_prev) (x0_t - x0_prev), h = change of log(a / b) (Lu et al. 2022, Algorithm 2).

    The first step has no past and the last one an infinite h; both are first order.
    """

    memory: ClassVar[int] = 2

    def combine(self, history: Sequence[Prediction], path: AffinePath, t: Tensor, s: Tensor) -> Tensor:
        now = history[-1]
        if len(history) < 2:
            return now.e
        past = history[-2]
        log_sigma = [path.sigma(level).log() for level in (past.t, t, s)]
        weight = 0.5 * (log_sigma[1] - log_sigma[2]) / (log_sigma[0] - log_sigma[1])
        weight = torch.where(weight.isfinite(), weight, 0.0)
        # e_bar = (x - a D) / b = e_t - (a / b) (D - x0_t)
        return now.e - weight / path.sigma(t) * (now.x0 - past.x0)
