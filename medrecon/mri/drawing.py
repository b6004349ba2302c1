"""What `dds` and `spirit` share: draws from a diffusion prior with a data step, slice by slice."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, cast, final

import torch
from torch import Tensor

from medrecon.diffusion.annealing import CG as ANNEALING_CG
from medrecon.diffusion.annealing import Annealing
from medrecon.diffusion.datasteps import DataStep, PosteriorStep
from medrecon.diffusion.grids import Karras
from medrecon.diffusion.integrators import DDIM, INTEGRATORS, Momentum
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Draw, Sampler
from medrecon.diffusion.streams import Streams
from medrecon.errors import InputError
from medrecon.mri.method import Method, Solution
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent

START, END, RHO, STEPS, CG = 1.0, 1.0, 15.0, 20, 5
"""Of estimates: first level in standard deviations of the prior's images, last one in those of the data, spacing,
network calls, conjugate-gradient iterations. With the other defaults within 0.05 dB of the best of 20 calls in
benchmarks/results/sampler_sweep.json.xz. `Annealing` has those of draws."""
FEW = 2.0
"""First level where there are half as many calls or fewer, 0.4 dB better than `START` at R 10; in between by the
number of calls. High levels clear aliasing, which takes calls at low ones else."""


@dataclass(frozen=True)
class Drawing(Method):
    """Options of the methods that draw from a prior.

    steps : noise levels, one network call each (with `heun` two, but for the last); unless given 20 for estimates, 50
        for draws of the posterior.
    samples : draws a slice, in antithetic pairs; the image is their mean, their spread the uncertainty.
    draws : "estimate" seeks the best single image, "posterior" an image as likely as any other that fits the data;
        unless given an estimate for one sample, the posterior for several.
    cg : conjugate-gradient iterations of a data step; unless given 5, and 10 for draws of the posterior.
    start : first noise level as sigma; unless given a standard deviation of the prior's images (`deviations`), two
        with 10 calls or fewer, 1.2 for draws of the posterior.
    end : last noise level; unless given the standard deviation of each slice's data, half of it for draws of the
        posterior. Both are kept inside what the prior was trained on.
    rho : spacing of the levels (Karras et al. 2022), larger means more of them at low noise; unless given 15, and 3 for
        draws of the posterior.
    integrator : of estimates: how past predictions are combined.
    momentum : share of the estimate's last change that is added to it, for the integrator of that name.
    eta : of estimates: share of fresh noise a step, 0 to 1; 1 gives the best single images.
    amplitude : of the fresh noise, in units of the level's; 0 leaves all of the level to the error of the estimate.
    told : share of the last level that the network is told of, for estimates, whose error falls faster than the level;
        the first level is told whole, and the share falls evenly. The less, the sharper, and the more steps until
        aliasing is gone.
    mirrored : show the network the image mirrored by turns, so that some of its errors average out.
    batch : images a network call on CUDA; on the CPU always one.
    """

    needs_prior: ClassVar[bool] = True
    deviations: ClassVar[float] = START

    steps: int | None = None
    samples: int = 1
    draws: Literal["estimate", "posterior"] | None = None
    cg: int | None = None
    start: float | None = None
    end: float | None = None
    rho: float | None = None
    integrator: Literal["momentum", "ddim", "dpmpp2m", "heun"] = "momentum"
    momentum: float = 0.7
    eta: float = 1.0
    amplitude: float = 0.0
    told: float = 0.6
    mirrored: bool = True
    batch: int = 16

    @property
    def annealing(self) -> Annealing | None:
        """The settings of draws of the posterior with those that were given; None for estimates."""
        wanted = self.draws or ("posterior" if self.samples > 1 else "estimate")
        given = {name: value for name in ("steps", "rho") if (value := getattr(self, name)) is not None}
        return Annealing(**given) if wanted == "posterior" else None

    @property
    def calls(self) -> int:
        """Network calls a slice, all samples together."""
        annealing = self.annealing
        if annealing is not None:
            return annealing.steps * self.samples
        steps = self.steps or STEPS
        return self.samples * (2 * steps - 1 if INTEGRATORS[self.integrator].looks_ahead else steps)

    @property
    def iterations(self) -> int:
        """Of conjugate gradients in a data step."""
        return self.cg or (CG if self.annealing is None else ANNEALING_CG)

    @abstractmethod
    def data_step(self, problem: Problem, prior: Prior) -> DataStep:
        """The data step of the images of one batch."""

    def local(self, problem: Problem, prior: Prior) -> Prior:  # noqa: ARG002
        """The prior as it holds for the images of one batch; the given one unless a method knows more of them."""
        return prior

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
                local = self.local(part, prior)
                data = self.data_step(part, local)
                who = list(draws) * (part.n_slices // len(draws))
                streams = Streams(seed, problem.case, part.slice_ids, who).to(problem.device)
                draw = _draw(part, self.sampler(part, local), data, local, streams, _part_of(on_step, n, len(batches)))
                calls += draw.calls * part.n_slices
                images[draws.start : draws.stop, slices] = _by_sample(draw.image, draws)
                own = self.coil_kspace(data, draw)
                if own is not None:
                    kspace[slices] += _by_sample(own, draws).sum(0) / self.samples
                    predicted = True
        temperature = 1.0 if self.annealing is None else prior.temperature or 1.0
        return Solution(images, kspace if predicted else None, calls // problem.n_slices, temperature=temperature)

    def sampler(self, problem: Problem, prior: Prior) -> Sampler:
        """The loop with the levels of every slice of `problem`."""
        annealing, (low, high) = self.annealing, prior.levels
        steps = (self.steps or STEPS) if annealing is None else annealing.steps
        start, end, rho = max(self.deviations, min(FEW, STEPS / steps)), END, self.rho or RHO
        if annealing is not None:
            start, end, rho = annealing.start, annealing.end, annealing.rho
        first = start * math.sqrt(prior.variance) if self.start is None else self.start
        first = min(max(first, low), high)
        last = end * problem.data_sigma if self.end is None else torch.full_like(problem.noise, self.end)
        told = 1.0 if annealing is not None else self.told
        last = last.cpu().double().clamp(low / told, first)[:, None, None]
        levels = Karras(rho)(prior.path, first, last, steps).to(problem.kspace.real)
        if annealing is not None:
            spreads = prior.spread(prior.path.sigma(levels[:-1]))
            return Sampler(prior.path, levels, DDIM(), 1.0, 1.0, annealing, spreads, self.mirrored)
        integrator = Momentum(self.momentum) if self.integrator == "momentum" else INTEGRATORS[self.integrator]()
        shares = None if told == 1 else torch.linspace(1, told, steps).to(levels)
        return Sampler(prior.path, levels, integrator, self.eta, self.amplitude, mirrored=self.mirrored, told=shares)

    def _batches(self, problem: Problem) -> Iterator[tuple[slice, range]]:
        """Slices and samples that share network calls."""
        size = images_together(self.batch, problem.device)
        together = max(1, size // self.samples)
        for first in range(0, problem.n_slices, together):
            for draw in range(0, self.samples, size):
                yield slice(first, min(first + together, problem.n_slices)), range(draw, min(draw + size, self.samples))

    def __post_init__(self) -> None:
        for field in ("steps", "samples", "cg", "batch"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise InputError(f"{field} is {value}; give a whole number of at least 1")
        if self.draws not in (None, "estimate", "posterior"):
            raise InputError(f"draws is '{self.draws}'; give estimate or posterior")
        if not 0 <= self.eta <= 1:
            raise InputError(f"eta is {self.eta}; give a share of fresh noise from 0 to 1")
        if not 0 <= self.amplitude <= 1:
            raise InputError(f"amplitude is {self.amplitude}; give a share of the level's noise from 0 to 1")
        if not 0 < self.told <= 1:
            raise InputError(f"told is {self.told}; give a share of the level, above 0 and at most 1")
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
    path, first, shape = sampler.path, sampler.levels[0], problem.image_shape[1:]
    warm = data(problem.kspace.new_zeros(problem.image_shape), path.sigma(first))

    def noise(step: int | Tensor) -> Tensor:
        return streams.normal(step + 1, shape)

    def several(step: Tensor) -> Tensor:
        n = 1 + cast(PosteriorStep, data).normals
        return streams.normal(step + 1, (n * shape[0], shape[1])).unflatten(1, (n, shape[0]))

    x = path.a(first) * warm + path.b(first) * noise(-1)
    return sampler(x, prior.denoise, data, noise if sampler.annealing is None else several, on_step)


def _by_sample(batch: Tensor, draws: range) -> Tensor:
    """`(slice * sample, …)`, sample running fastest, to `(sample, slice, …)`."""
    return batch.unflatten(0, (-1, len(draws))).movedim(1, 0)


def _part_of(on_step: OnStep, part: int, parts: int) -> OnStep:
    """Progress of one batch as progress of all."""
    return lambda p: on_step(Progress(p.stage, part * p.total + p.done, parts * p.total))
