"""DDIM with fresh noise of the variance that ancestral sampling has (Ho et al. 2020; Song et al. 2021, eq. 16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from medrecon.diffusion.integrators.integrator import Integrator, Prediction
from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True, eq=False)
class Ancestral(Integrator):
    """x_s = a_s x0 + b_s (sqrt(1 - f^2) e + f z) with f = eta sqrt(1 - (sigma_s / sigma_t)^2).

    The sampler's own fresh noise has one share for all steps; here the share is each step's. The direction that leads
    from x_t to that x_s is e + r / (r - 1) (sqrt(1 - f^2) e + f z - e), r = sigma_s / sigma_t.

    Attributes
    ----------
    noise : level t to z of the state's shape.
    eta : 1 for DDPM, 0 for DDIM.
    """

    noise: Callable[[Tensor], Tensor]
    eta: float = 1.0

    def combine(self, history: Sequence[Prediction], path: AffinePath, t: Tensor, s: Tensor) -> Tensor:
        e, ratio = history[-1].e, path.sigma(s) / path.sigma(t)
        fresh = self.eta * (1 - ratio**2).sqrt()
        renewed = (1 - fresh**2).sqrt() * e + fresh * self.noise(t)
        return e + ratio / (ratio - 1) * (renewed - e)
