"""The path of DDPM: a variance-preserving one on numbered steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True, eq=False)
class Discrete(AffinePath):
    """a = sqrt(abar_t), b = sqrt(1 - abar_t) at t = 1 … T, and t = 0 the clean image (Ho et al. 2020).

    Attributes
    ----------
    signal : `(T + 1,)` abar from t = 0, where it is 1.
    """

    signal: Tensor

    def a(self, t: Tensor) -> Tensor:
        return self._at(t).sqrt()

    def b(self, t: Tensor) -> Tensor:
        return (1 - self._at(t)).sqrt()

    def level(self, sigma: Tensor) -> Tensor:
        """The step of the nearest sigma."""
        ascending = ((1 - self.signal) / self.signal).sqrt()
        return torch.bucketize(sigma.to(ascending), (ascending[1:] + ascending[:-1]) / 2).to(sigma)

    def _at(self, t: Tensor) -> Tensor:
        return self.signal.take(t.round().long())  # on a device, without asking the host


def discrete_levels(path: Discrete, steps: int) -> Tensor:
    """`(steps + 1,)` descending numbers of steps, even from T to 1, then 0; `steps` is at most T (Song et al. 2021)."""
    last = len(path.signal) - 1
    return torch.cat([torch.linspace(last, 1, steps, dtype=torch.float64).round(), torch.zeros(1, dtype=torch.float64)])
