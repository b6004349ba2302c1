"""What `dds` and `spirit` share: draws from a diffusion prior with a data step, slice by slice."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps import DataStep
from medrecon.diffusion.grids import Karras
from medrecon.diffusion.integrators import INTEGRATORS, Momentum
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Draw, Sampler
from medrecon.diffusion.streams import Streams
from medrecon.errors import InputError
from medrecon.mri.method import Method, Solution
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent

START = 1.0
"""Default first level, in standard deviations of the prior's images per real component."""

END = 1.0
"""Default last level, in standard deviations of the data."""


@dataclass(frozen=True)
class Drawing(Method):
    """Options of the methods that draw from a prior.

    steps : noise levels, one network call each (with `heun` two, but for the last).
    samples : draws a slice; the image is their mean, their spread the uncertainty.
    eta : share of fresh noise a step, 0 to 1; 1 gives the best single images.
    amplitude : of the fresh noise, in units of the level's; below 1 it leaves room for the error of the estimate.
    momentum : share of the estimate's last change that is added to it, for the integrator of that name.
    cg : conjugate-gradient iterations of a data step.
    start : first noise level as sigma; None is `START` standard deviations of the prior's images.
    end : last noise level; None is `END` standard deviations of each slice's data. Both are kept inside what the
        prior was trained on.
    rho : spacing of the levels; larger means more of them at low noise (Karras et al. 2022).
    integrator : how past predictions are combined.
    batch : images a network call on CUDA; on the CPU always one.
    """

    needs_prior: ClassVar[bool] = True

    steps: int = 20
    samples: int = 1
    eta: float = 1.0
    amplitude: float = 0.3
    momentum: float = 0.6
    cg: int = 5
    start: float | None = None
    end: float | None = None
    rho: float = 7.0
    integrator: Literal["momentum", "ddim", "dpmpp2m", "heun"] = "momentum"
    batch: int = 16

    @abstractmethod
    def data_step(self, problem: Problem, prior: Prior) -> DataStep:
        """The data step of the images of one batch."""

    def coil_kspace(self, data: DataStep, draw: Draw) -> Tensor | None:  # noqa: ARG002
        """Full k-space `(slice, coil, y, x)` that the data step itself predicts; None means F S u."""
        return None

    @final
    def solve(
        self, problem: Problem, *, prior: Prior | None = None, seed: int = 0, on_step: OnStep = silent
    ) -> Solution:
        """Draw `samples` images of every slice.

        Raises InputError on options out of range or without a prior, and its NonFiniteError if sampling breaks down.
        """
        if prior is None:
            raise InputError(f"{self.name} needs a prior and got none; name one with --prior")
        calls = 0
        images = problem.kspace.new_empty((self.samples, *problem.image_shape))
        kspace = torch.zeros_like(problem.kspace)
        predicted = False
        batches = list(self._batches(problem))
        with torch.no_grad():
            for n, (slices, draws) in enumerate(batches):
                part = problem.select(slices).repeat(len(draws))
                data = self.data_step(part, prior)
                who = list(draws) * (part.n_slices // len(draws))
                streams = Streams(seed, problem.case, part.slice_ids, who).to(problem.device)
                draw = _draw(part, self.sampler(part, prior), data, prior, streams, _part_of(on_step, n, len(batches)))
                calls += draw.calls * part.n_slices
                images[draws.start : draws.stop, slices] = _by_sample(draw.image, draws)
                own = self.coil_kspace(data, draw)
                if own is not None:
                    kspace[slices] += _by_sample(own, draws).sum(0) / self.samples
                    predicted = True
        return Solution(images, kspace if predicted else None, calls // problem.n_slices)

    def sampler(self, problem: Problem, prior: Prior) -> Sampler:
        """The loop with the levels of every slice of `problem`."""
        low, high = prior.levels
        first = START * math.sqrt(prior.variance) if self.start is None else self.start
        first = min(max(first, low), high)
        last = END * problem.data_sigma if self.end is None else torch.full_like(problem.noise, self.end)
        last = last.cpu().double().clamp(low, first)[:, None, None]
        levels = Karras(self.rho)(prior.path, first, last, self.steps).to(problem.kspace.real)
        integrator = Momentum(self.momentum) if self.integrator == "momentum" else INTEGRATORS[self.integrator]()
        return Sampler(prior.path, levels, integrator, self.eta, self.amplitude)

    def _batches(self, problem: Problem) -> Iterator[tuple[slice, range]]:
        """Slices and samples that share network calls."""
        size = images_together(self.batch, problem.device)
        together = max(1, size // self.samples)
        for first in range(0, problem.n_slices, together):
            for draw in range(0, self.samples, size):
                yield slice(first, min(first + together, problem.n_slices)), range(draw, min(draw + size, self.samples))

    def __post_init__(self) -> None:
        for field in ("steps", "samples", "cg", "batch"):
            if getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)}; give a whole number of at least 1")
        if not 0 <= self.eta <= 1:
            raise InputError(f"eta is {self.eta}; give a share of fresh noise from 0 to 1")
        if not 0 <= self.amplitude <= 1:
            raise InputError(f"amplitude is {self.amplitude}; give a share of the level's noise from 0 to 1")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum is {self.momentum}; give a share of the last change, at least 0 and below 1")
        for field in ("start", "end", "rho"):
            value = getattr(self, field)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{field} is {value}; give a number above 0")
        if self.integrator not in INTEGRATORS:
            raise InputError(f"unknown integrator '{self.integrator}'; choose one of {', '.join(INTEGRATORS)}")


def images_together(batch: int, device: torch.device) -> int:
    """Images of one network call: one on the CPU, where results shall be bit-equal for any batch."""
    return 1 if device.type == "cpu" else batch


def _draw(problem: Problem, sampler: Sampler, data: DataStep, prior: Prior, streams: Streams, on_step: OnStep) -> Draw:
    """One batch, from noise around the data's answer to an empty image: the posterior mean of a Gaussian prior."""
    path, first = sampler.path, sampler.levels[0]
    warm = data(problem.kspace.new_zeros(problem.image_shape), path.sigma(first))

    def noise(step: int | Tensor) -> Tensor:
        return streams.normal(step + 1, problem.image_shape[1:])

    x = path.a(first) * warm + path.b(first) * noise(-1)
    return sampler(x, prior.denoise, data, noise, on_step)


def _by_sample(batch: Tensor, draws: range) -> Tensor:
    """`(slice * sample, …)`, sample running fastest, to `(sample, slice, …)`."""
    return batch.unflatten(0, (-1, len(draws))).movedim(1, 0)


def _part_of(on_step: OnStep, part: int, parts: int) -> OnStep:
    """Progress of one batch as progress of all."""
    return lambda p: on_step(Progress(p.stage, part * p.total + p.done, parts * p.total))
