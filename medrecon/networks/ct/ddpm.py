"""The conditional pixel-space DDPM that cold diffusion is measured against (Ho et al. 2020; low dose as context)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

import torch
from torch import Tensor, nn

from medrecon.networks.ct.cold import pixel_network
from medrecon.networks.unet import UNetOptions


@dataclass(frozen=True)
class DdpmOptions:
    """Size of the U-Net, and the linear schedule of the paper."""

    network: UNetOptions = field(default_factory=pixel_network)
    steps: int = 1000
    first_beta: float = 1e-4
    last_beta: float = 0.02

    @property
    def architecture(self) -> UNetOptions:
        """One noisy channel with the low-dose image beside it."""
        return replace(self.network, channels=1, context=1, conditions=0)

    @property
    def multiple(self) -> int:
        """Image sides must be multiples of this."""
        return self.network.multiple

    def signal(self) -> Tensor:
        """`(steps,)` cumulated alpha-bar, float64: x_t = sqrt(abar_t) u + sqrt(1 - abar_t) eps."""
        betas = torch.linspace(self.first_beta, self.last_beta, self.steps, dtype=torch.float64)
        return (1 - betas).cumprod(0)

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "network": self.network.as_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DdpmOptions:
        return cls(**{**values, "network": UNetOptions.from_dict(values["network"])})


@final
class CtDdpm(nn.Module):
    """eps of x_t `(n, 1, y, x)`, given the low-dose image `(n, 1, y, x)` in network units, and t `(n,)` in 0..T-1."""

    labels: Tensor

    def __init__(self, network: nn.Module, options: DdpmOptions) -> None:
        super().__init__()
        self.network, self.options = network, options
        signal = options.signal()
        # of the noise over the signal, as the priors' networks are told of their level
        labels = ((1 - signal) / signal).log() / 8
        self.register_buffer("labels", labels.float(), persistent=False)

    def forward(self, noisy: Tensor, low: Tensor, t: Tensor) -> Tensor:
        dtype = next(self.network.parameters()).dtype
        return self.network(torch.cat([noisy, low], 1).to(dtype), self.labels[t.long()]).float()
