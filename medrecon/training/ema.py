"""Moving average of the weights whose horizon grows with training (power EMA, Karras et al. 2024)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn


@final
class EMA:
    """Averages over roughly the last `horizon` share of all steps so far."""

    def __init__(self, network: nn.Module, horizon: float = 0.05) -> None:
        self.horizon = horizon
        self.weights = {k: v.detach().clone().float() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        blend = 1 / (1 + self.horizon * step)
        state = network.state_dict()
        for name, average in self.weights.items():
            average.lerp_(state[name].float(), blend)

    def load(self, weights: dict[str, Tensor]) -> None:
        for k, v in weights.items():
            self.weights[k].copy_(v)
