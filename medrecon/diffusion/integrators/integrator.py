"""`Integrator`: how past predictions make the next direction. No network and no data inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from medrecon.diffusion.path import AffinePath


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was believed at level t: the clean image x0 and the direction e, with x_t = a x0 + b e.

    `raw` is the denoiser's own estimate; x0 differs from it where data have corrected it already.
    """

    t: Tensor
    raw: Tensor
    x0: Tensor
    e: Tensor

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.t, self.raw, self.x0, self.e


@dataclass(frozen=True)
class Integrator(ABC):
    """Quadrature of du = e d(sigma) in u = x / a.

    memory : how many predictions the sampler keeps.
    looks_ahead : the sampler shall first move by the newest direction and add the prediction it finds at s; the
        integrator then sees it as the newest entry. Costs a second network call a step.
    """

    memory: ClassVar[int] = 1
    looks_ahead: ClassVar[bool] = False

    @abstractmethod
    def combine(self, history: Sequence[Prediction], path: AffinePath, t: Tensor, s: Tensor) -> Tensor:
        """The direction e_bar that takes x from level t to level s; `history` is oldest first."""
