"""SPIRiT-Diffusion's reverse process on coil images (Cui et al. 2024; specification 3.3, 3.6, 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.heads import Denoiser
from medrecon.diffusion.langevin import balanced, langevin, norm
from medrecon.diffusion.path import AffinePath
from medrecon.diffusion.predictor_corrector import Chain
from medrecon.operators.linear import LinearOperator

END = 1e-5
"""Last time."""


@final
@dataclass(frozen=True, eq=False)
class SpiritChain(Chain):
    """Variance-exploding steps in the range of the maps, with a step of SPIRiT consistency a predictor.

    The score of coil images is S s_u(S^H x): the loss of the original constrains S^H s alone, so that one network on
    the combined image says the same for a coil's worth of calls. All noise is projected, P z with P = S S^H.

    Attributes
    ----------
    times : `(steps,)` from 1 to `END`.
    denoise, path : the image prior's.
    coils : S.
    consistency : Psi, pixel by pixel.
    gram, data : F^H M F on coil images and F^H y.
    sigma_min, sigma_max : sigma(t) = sigma_min (sigma_max / sigma_min)^t.
    eta : of the drift -eta / 2 Psi x, a step whatever the number of steps.
    snr, predictor_weight, corrector_weight : as the method's options.
    """

    times: Tensor
    denoise: Denoiser
    path: AffinePath
    coils: LinearOperator
    consistency: LinearOperator
    gram: LinearOperator
    data: Tensor
    sigma_min: float
    sigma_max: float
    eta: float
    snr: float
    predictor_weight: float
    corrector_weight: float

    def start(self, z: Tensor) -> Tensor:
        return self.sigma_max * self.projected(z)

    def corrected(self, x: Tensor, t: Tensor, z: Tensor) -> Tensor:
        score, noise = self.score(x, t), self.projected(z)
        pull = balanced(score, self.gram(x) - self.data, self.corrector_weight)
        return langevin(x, score, pull, noise, norm(noise), self.snr, torch.ones_like(t))

    def predicted(self, x: Tensor, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        score, added = self.score(x, t), self.variance_step(t)
        pull = balanced(score, self.gram(x) - self.data, self.predictor_weight)
        mean = x - self.eta / 2 * self.consistency(x) + added * self.projected(score - pull)
        return mean + added.sqrt() * self.projected(z), mean

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        """S (D(u) - u) / sigma^2 of the combined image u = S^H x, on the prior's path."""
        sigma, u = self.sigma(t), self.coils.H(x)
        level = self.path.level(sigma)
        return self.coils((self.denoise(self.path.a(level) * u, level) - u) / sigma**2)

    def projected(self, x: Tensor) -> Tensor:
        """P x."""
        return self.coils(self.coils.H(x))

    def sigma(self, t: Tensor) -> Tensor:
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t

    def variance_step(self, t: Tensor) -> Tensor:
        """G_j^2 = sigma_j^2 - sigma_{j-1}^2 of a geometric grid of as many values as steps, sigma_{-1} = 0."""
        last = max(len(self.times) - 1, 1)
        j = (t * last).floor()
        below = torch.where(j > 0, self.sigma((j - 1) / last), 0.0)
        return self.sigma(j / last) ** 2 - below**2


def spirit_times(steps: int, like: Tensor) -> Tensor:
    """`(steps,)` even times from 1 to `END`."""
    return torch.linspace(1, END, steps, dtype=torch.float64).to(like.real)
