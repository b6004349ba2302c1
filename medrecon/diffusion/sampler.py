"""`Sampler`: one loop over a grid. The network, the data, the quadrature and the noise are all given to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.annealing import Annealing
from medrecon.diffusion.datasteps.step import DataStep, PosteriorStep
from medrecon.diffusion.heads import Denoiser
from medrecon.diffusion.integrators import Integrator, Prediction
from medrecon.diffusion.path import AffinePath
from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent
from medrecon.replay import Replay, Tensors

CHECK_EVERY = 10
"""Steps between two looks at whether all is finite; on CUDA, where a look waits for the device, only at the end."""


class NonFiniteError(InputError):
    """Sampling ran into NaN or infinity; `image` is the last finite estimate of every slice."""

    def __init__(self, message: str, image: Tensor) -> None:
        super().__init__(message)
        self.image = image


@dataclass(frozen=True, eq=False)
class Draw:
    """The final data-consistent image, the network's last estimate with its sigma, and network calls an image."""

    image: Tensor
    estimate: Tensor
    sigma: Tensor
    calls: int


@final
@dataclass(frozen=True, eq=False)
class Sampler:
    """x_s = a_s x0 + b_s (sqrt(1 - eta^2) e + eta g z) from level to level, x0 and e after data and quadrature.

    Attributes
    ----------
    path, levels : the affine path and its descending levels `(steps + 1,)` or, one grid an image,
        `(steps + 1, slice, 1, 1)`; the last of them is 0 (see `grids`).
    integrator : combines past directions into e.
    eta : share of fresh noise, constant over the steps as in DDS (Chung et al. 2024). 0 follows the probability-flow
        ODE; the variance-true share of ancestral sampling is sqrt(1 - (sigma_s / sigma_t)^2); more than that forgets
        the sample and tends to the mean.
    amplitude : g, of the fresh noise. 1 for a sample. Below 1 it leaves room for the estimate's own error, so that
        error and noise together are what the network expects at that level: better single images in fewer steps. With 0
        and eta 1 the estimate itself is denoised, at falling levels: annealed plug-and-play (Zhang et al. 2021, DPIR).
    told : share of the level that the network is told of at each step, `(steps,)`; None for all of it, as a sample
        wants, whose noise is the level's. An estimate's error falls faster than the level that the data step weighs it
        with: told of all of it, the network smooths too much. It is sqrt(lambda) of plug-and-play restoration (Zhang
        et al. 2021 take 0.48 at every step).
    annealing : None for estimates, x0 the data step's mean. Else x0 is drawn from the Gaussian data posterior at every
        level and the noise renewed as `Annealing` says, in place of `eta` and `amplitude`: draws of the posterior.
    spreads : of x0 given x_t, `(steps, …)` for the levels but the last; with `annealing` only.
    mirrored : the network sees the image mirrored along y, x, both or neither by turns, so that errors which it would
        not make in a mirror average out (equivariant plug-and-play, Terris et al. 2024). For networks that were
        trained on mirrored images.
    """

    path: AffinePath
    levels: Tensor
    integrator: Integrator
    eta: float
    amplitude: float = 1.0
    annealing: Annealing | None = None
    spreads: Tensor | None = None
    mirrored: bool = False
    told: Tensor | None = None

    def __call__(
        self,
        x: Tensor,
        denoise: Denoiser,
        data: DataStep,
        noise: Callable[[Tensor], Tensor],
        on_step: OnStep = silent,
    ) -> Draw:
        """From `x` `(slice, y, x)` or `(slice, channel, y, x)` at the first level to an image.

        `noise(i)` gives z of step i, a 0-d int32 tensor.

        With `annealing` `noise(i)` is `(slice, 1 + data.normals, y, x)`, z and what the data step draws from.
        On CUDA the steps between the first and the last are one recorded graph, and nothing waits for the device.
        Raises NonFiniteError (an InputError) with the last finite image.
        """
        steps = len(self.levels) - 1
        numbers = torch.arange(steps, dtype=torch.int32, device=x.device)
        one = _Step(self, denoise, data, noise)
        middle = Replay(one.tensors)
        finite, past, calls = torch.zeros_like(x), (), 0
        x0 = raw = x
        for i in range(steps):
            last = i == steps - 1
            t, s = self.levels[i], self.levels[i + 1]
            now = (x, finite, t, s, numbers[i], *past)
            alike = not last and i >= max(1, self.integrator.memory - 1)
            x, x0, raw, finite, *past = middle(*now) if alike else one.tensors(*now, last=last)
            calls += 2 if self.integrator.looks_ahead and not last else 1
            if last or (not x.is_cuda and i % CHECK_EVERY == CHECK_EVERY - 1):
                _check(x0, finite, i + 1, steps)
            on_step(Progress("sampling", i + 1, steps))
        return Draw(x0, raw, self.path.sigma(self.levels[-2]), calls)


@final
@dataclass(frozen=True, eq=False)
class _Step:
    """One step as a function of tensors alone, so that it can be recorded."""

    sampler: Sampler
    denoise: Denoiser
    data: DataStep
    noise: Callable[[Tensor], Tensor]

    def tensors(
        self, x: Tensor, finite: Tensor, t: Tensor, s: Tensor, number: Tensor, *past: Tensor, last: bool = False
    ) -> Tensors:
        """(x at s, x0, raw, finite, the predictions to remember); `past` are those of the step before."""
        path, integrator = self.sampler.path, self.sampler.integrator
        noise = None if last and self.sampler.annealing is None else self._noise(number)
        history = [*map(Prediction, *(past[k::4] for k in range(4))), self._predict(x, t, number, noise)]
        history = seen = history[-integrator.memory :]
        if integrator.looks_ahead and not last:
            seen = [*history, self._predict(self._move(x, history[-1].e, t, s), s, number, noise)]
        e = integrator.combine(seen, path, t, s)
        x0 = self._estimate(x, e, t, history[-1])
        if self.data.history == "raw":
            x0 = self.data(x0, path.sigma(t))
        finite = torch.where(_finite(x0), x0, finite)
        if not last:
            x = path.a(s) * x0 + path.b(s) * self._renewed(e, noise)
        kept = history[max(0, len(history) + 1 - integrator.memory) :]
        return (x, x0, history[-1].raw, finite, *chain.from_iterable(p.tensors for p in kept))

    def _estimate(self, x: Tensor, e: Tensor, t: Tensor, latest: Prediction) -> Tensor:
        """The image that direction `e` leads to; where the state holds nothing of it, what was predicted."""
        path = self.sampler.path
        clean = path.clean(x, e, t)
        return torch.where(path.a(t) > 0, clean, latest.x0) if path.reaches_end else clean

    def _noise(self, number: Tensor) -> Tensor | None:
        fresh = self.sampler.annealing is not None or self.sampler.eta * self.sampler.amplitude > 0
        return self.noise(number) if fresh else None

    def _predict(self, x: Tensor, t: Tensor, number: Tensor, noise: Tensor | None) -> Prediction:
        path, data, spreads = self.sampler.path, self.data, self.sampler.spreads
        raw = self._denoised(x, t.to(x.real.dtype).flatten() if t.ndim else t.to(x.device, x.real.dtype), number)
        if spreads is not None and noise is not None:
            assert isinstance(data, PosteriorStep)
            x0 = data.draw(raw, path.sigma(t), spreads.index_select(0, number.reshape(1))[0], noise[:, 1:])
        else:
            x0 = data(raw, path.sigma(t)) if data.history == "conditional" else raw
        return Prediction(t, raw, x0, path.direction(x, x0, t))

    def _denoised(self, x: Tensor, t: Tensor, number: Tensor) -> Tensor:
        if self.sampler.told is not None:
            path, share = self.sampler.path, self.sampler.told.index_select(0, number.reshape(1))
            t = path.level(share * path.sigma(t))
        if not self.sampler.mirrored:
            return self.denoise(x, t)
        return in_mirror(self.denoise(in_mirror(x, number), t), number)

    def _move(self, x: Tensor, e: Tensor, t: Tensor, s: Tensor) -> Tensor:
        path = self.sampler.path
        return path.a(s) * path.clean(x, e, t) + path.b(s) * e

    def _renewed(self, e: Tensor, noise: Tensor | None) -> Tensor:
        """The noise of the next level."""
        eta, annealing = self.sampler.eta, self.sampler.annealing
        if annealing is not None and noise is not None:
            return annealing.renewed(e, noise[:, 0])
        kept = (1 - eta**2) ** 0.5 * e
        return kept if noise is None else kept + eta * self.sampler.amplitude * noise


def in_mirror(x: Tensor, number: Tensor) -> Tensor:
    """`x` flipped along y where bit 0 of `number` is set, along x where bit 1 is; its own inverse."""
    for bit, axis in enumerate((-2, -1)):
        forward = torch.arange(x.shape[axis], device=x.device)
        flipped = ((number >> bit) & 1).bool()
        x = x.index_select(axis, torch.where(flipped, forward.flip(0), forward))
    return x


def _finite(x: Tensor) -> Tensor:
    return torch.isfinite(x.abs()).flatten(1).all(1).reshape(-1, *(1,) * (x.ndim - 1))


def _check(x0: Tensor, finite: Tensor, step: int, steps: int) -> None:
    bad = (~_finite(x0)).flatten().nonzero().flatten().tolist()
    if bad:
        raise NonFiniteError(
            f"sampling gave NaN or infinity by step {step} of {steps} in slice {bad[0]} of the batch of {len(x0)}; "
            "check the k-space for NaN and the prior's file, or start at a lower noise level",
            finite,
        )
