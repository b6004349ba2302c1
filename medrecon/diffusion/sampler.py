"""`Sampler`: one loop over a grid. The network, the data, the quadrature and the noise are all given to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep
from medrecon.diffusion.heads import Denoiser
from medrecon.diffusion.integrators import Integrator, Prediction
from medrecon.diffusion.path import AffinePath
from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent

CHECK_EVERY = 10
"""Steps between two looks at whether all is finite: each look waits for the device."""


class NonFiniteError(InputError):
    """Sampling ran into NaN or infinity; `image` is the last finite estimate of every slice."""

    def __init__(self, message: str, image: Tensor) -> None:
        super().__init__(message)
        self.image = image


@dataclass(frozen=True, eq=False)
class Draw:
    """The final data-consistent image, and the network's last estimate with its sigma."""

    image: Tensor
    estimate: Tensor
    sigma: Tensor


@final
@dataclass(frozen=True, eq=False)
class Sampler:
    """x_s = a_s x0 + b_s (sqrt(1 - eta^2) e + eta z) from level to level, x0 and e after data and quadrature.

    Attributes
    ----------
    path, levels : the affine path and its descending levels `(steps + 1,)` or, one grid an image,
        `(steps + 1, slice, 1, 1)`; the last of them is 0 (see `grids`).
    integrator : combines past directions into e.
    eta : share of fresh noise, constant over the steps as in DDS (Chung et al. 2024). 0 follows the probability-flow
        ODE; the variance-true share of ancestral sampling is sqrt(1 - (sigma_s / sigma_t)^2); more than that forgets
        the sample and tends to the mean.
    """

    path: AffinePath
    levels: Tensor
    integrator: Integrator
    eta: float

    def __call__(
        self,
        x: Tensor,
        denoise: Denoiser,
        data: DataStep,
        noise: Callable[[int], Tensor],
        on_step: OnStep = silent,
    ) -> Draw:
        """From `x` `(slice, y, x)` at the first level to an image; `noise(i)` gives z of step i.

        Raises NonFiniteError (an InputError) with the last finite image.
        """
        path, steps = self.path, len(self.levels) - 1
        history: list[Prediction] = []
        finite = torch.zeros_like(x)
        x0 = x
        for i, (t, s) in enumerate(pairwise(self.levels)):
            last = i == steps - 1
            history = [*history, self._predict(x, t, denoise, data)][-self.integrator.memory :]
            seen = history
            if self.integrator.looks_ahead and not last:
                seen = [*history, self._predict(self._move(x, history[-1].e, t, s), s, denoise, data)]
            e = self.integrator.combine(seen, path, t, s)
            x0 = path.clean(x, e, t)
            if data.history == "raw":
                x0 = data(x0, path.sigma(t))
            finite = torch.where(_finite(x0), x0, finite)
            if last or i % CHECK_EVERY == CHECK_EVERY - 1:
                _check(x0, finite, i + 1, steps)
            if not last:
                x = path.a(s) * x0 + path.b(s) * self._mixed(e, noise, i)
            on_step(Progress("sampling", i + 1, steps))
        return Draw(x0, history[-1].raw, path.sigma(history[-1].t))

    def _predict(self, x: Tensor, t: Tensor, denoise: Denoiser, data: DataStep) -> Prediction:
        raw = denoise(x, t.to(x.real.dtype).flatten() if t.ndim else t.to(x.device, x.real.dtype))
        x0 = data(raw, self.path.sigma(t)) if data.history == "conditional" else raw
        return Prediction(t, raw, x0, self.path.direction(x, x0, t))

    def _move(self, x: Tensor, e: Tensor, t: Tensor, s: Tensor) -> Tensor:
        return self.path.a(s) * self.path.clean(x, e, t) + self.path.b(s) * e

    def _mixed(self, e: Tensor, noise: Callable[[int], Tensor], step: int) -> Tensor:
        if self.eta == 0:
            return e
        return (1 - self.eta**2) ** 0.5 * e + self.eta * noise(step)


def _finite(x: Tensor) -> Tensor:
    return torch.isfinite(x.abs()).flatten(1).all(1)[:, None, None]


def _check(x0: Tensor, finite: Tensor, step: int, steps: int) -> None:
    bad = (~_finite(x0)).flatten().nonzero().flatten().tolist()
    if bad:
        raise NonFiniteError(
            f"sampling gave NaN or infinity by step {step} of {steps} in slice {bad[0]} of the batch of {len(x0)}; "
            "check the k-space for NaN and the prior's file, or start at a lower noise level",
            finite,
        )
