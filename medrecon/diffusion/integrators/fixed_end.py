"""Algorithm 2 of cold diffusion: the end point stays what it is known to be (Bansal et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from medrecon.diffusion.integrators.integrator import Integrator, Prediction
from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True, eq=False)
class FixedEnd(Integrator):
    """x_s = x_t - D(x0, t) + D(x0, s) with D(x0, t) = a_t x0 + b_t x_T, for paths with a + b = 1.

    That is x_t + (a_s - a_t) (x0 - x_T), which the direction b_t e_t + a_t x_T leads to. The result is the mean of all
    predictions, weighed by a_s - a_t; DDIM, which estimates the end point anew at every step, returns the last one.

    Attributes
    ----------
    end : x_T, of the state's shape.
    """

    end: Tensor

    def combine(self, history: Sequence[Prediction], path: AffinePath, t: Tensor, s: Tensor) -> Tensor:  # noqa: ARG002
        return path.b(t) * history[-1].e + path.a(t) * self.end
