"""Heun: the mean of the directions at both ends of the step; second order, two calls a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.diffusion.integrators.integrator import Integrator, Prediction
from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True)
class Heun(Integrator):
    """e_bar = (e_t + e_s) / 2 (Karras et al. 2022, Algorithm 1); the step to 0 is DDIM's."""

    memory: ClassVar[int] = 1
    looks_ahead: ClassVar[bool] = True

    def combine(self, history: Sequence[Prediction], path: AffinePath, t: Tensor, s: Tensor) -> Tensor:  # noqa: ARG002
        return sum((p.e for p in history[1:]), start=history[0].e) / len(history)
