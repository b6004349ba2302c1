"""The DDPM of a thousand steps that the DDGAN is measured against: epsilon of complex images (Ho et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from medrecon.diffusion.discrete import Discrete
from medrecon.diffusion.prior import Prior
from medrecon.networks.edm import MARGIN
from medrecon.networks.ready import misfit_explained, ready_network
from medrecon.networks.unet import UNetOptions
from medrecon.networks.wrap import wrap_pad

KIND = "mri-ddpm"
LIMIT = 4.0
"""Bound on both components of the estimate, in the Problem's units, as the paper's sampler has one."""


@dataclass(frozen=True)
class Process:
    """The linear schedule of the paper."""

    steps: int = 1000
    first_beta: float = 1e-4
    last_beta: float = 0.02

    def signal(self) -> Tensor:
        """`(steps + 1,)` alpha-bar in double precision, from step 0, where it is 1."""
        betas = torch.linspace(self.first_beta, self.last_beta, self.steps, dtype=torch.float64)
        return torch.cat([betas.new_ones(1), (1 - betas).cumprod(0)])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@final
class MriDdpm(nn.Module):
    """E[x_0 | x_t] of complex images `(n, y, x)` in the Problem's units, by way of epsilon; t `()` or `(n,)`, 1 … T."""

    signal: Tensor
    labels: Tensor

    def __init__(self, network: nn.Module, process: Process, multiple: int) -> None:
        super().__init__()
        self.network, self.multiple = network, multiple
        signal = process.signal()
        self.register_buffer("signal", signal.float(), persistent=False)
        # of the noise over the signal, as the other priors' networks are told of their level
        labels = torch.cat([signal.new_zeros(1), ((1 - signal[1:]) / signal[1:]).log() / 8])
        self.register_buffer("labels", labels.float(), persistent=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        t = t.round().long().expand(len(x))
        kept = self.signal[t][:, None, None]
        padded, crop = wrap_pad(x, self.multiple, MARGIN)
        found = self.epsilon(torch.view_as_real(padded).movedim(-1, 1), t)
        noise = torch.view_as_complex(found.movedim(1, -1).contiguous())[crop]
        clean = torch.view_as_real((x - (1 - kept).sqrt() * noise) / kept.sqrt())
        return torch.view_as_complex(clean.clamp(-LIMIT, LIMIT))

    def epsilon(self, channels: Tensor, t: Tensor) -> Tensor:
        """The noise in channels `(n, 2, y, x)` whose sides the network can take."""
        dtype = next(self.network.parameters()).dtype
        return self.network(channels.to(dtype), self.labels[t]).float()


def ddpm_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """A prior on the path of numbered steps; raises InputError if weights and settings do not fit."""
    with misfit_explained(name, "DDPM"):
        options, process = UNetOptions.from_dict(settings["network"]), Process(**settings["process"])
        denoiser = MriDdpm(ready_network(tensors, options, device), process, options.multiple).to(device)
        variance = float(settings["deviation"]) ** 2
    path = Discrete(process.signal().float().to(device))
    low, high = (float(path.sigma(torch.tensor(float(t), device=device))) for t in (1, process.steps))
    return Prior(denoiser, path, variance, (low, high), name, sha256, settings)
