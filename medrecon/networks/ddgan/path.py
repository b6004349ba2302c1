"""The levels of a DDGAN as an affine path, for samplers that know it as a denoiser alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True, eq=False)
class CoarsePath(AffinePath):
    """a = sqrt(a_t), b = scale sqrt(1 - a_t) at t = 1 … T, and t = 0 the clean image.

    Attributes
    ----------
    signal : `(T + 1,)` a_t from t = 0, where it is 1.
    scale : what images are divided by before the network sees them.
    """

    signal: Tensor
    scale: float

    def a(self, t: Tensor) -> Tensor:
        return self._at(t).sqrt()

    def b(self, t: Tensor) -> Tensor:
        return self.scale * (1 - self._at(t)).sqrt()

    def level(self, sigma: Tensor) -> Tensor:
        """The t of the nearest sigma."""
        ascending = self.scale * ((1 - self.signal) / self.signal).sqrt()
        return torch.bucketize(sigma.to(ascending), (ascending[1:] + ascending[:-1]) / 2).to(sigma)

    def _at(self, t: Tensor) -> Tensor:
        return self.signal.take(t.round().long())  # on a device, without asking the host
