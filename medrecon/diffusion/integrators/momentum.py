"""Momentum: the estimate moved on by a share of its last change; for samplers that seek the mean with fresh noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.diffusion.integrators.integrator import Integrator, Prediction
from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True)
class Momentum(Integrator):
    """D = x0_t + share (x0_t - x0_prev), the heavy ball of Polyak (1964); the last step returns x0_t itself.

    With fresh noise the estimates of successive levels are a slow fixed-point iteration: what data have said of one
    place reaches another by a convolution's width and a data step a call. DPM-Solver++(2M) extrapolates alike, by a
    share of one half where levels are even in log-SNR.
    """

    memory: ClassVar[int] = 2
    share: float = 0.7

    def combine(self, history: Sequence[Prediction], path: AffinePath, t: Tensor, s: Tensor) -> Tensor:
        now = history[-1]
        if len(history) < 2:
            return now.e
        share = torch.where(path.sigma(s) > 0, self.share, 0.0)
        return now.e - share / path.sigma(t) * (now.x0 - history[-2].x0)
