"""What the stages of `fdmr` share: data step, random numbers, levels, and how far an estimate is trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.descent import Descent
from medrecon.diffusion.adaptation.draws import Draws
from medrecon.diffusion.datasteps import DataStep, Hard, NoiseWeighted
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.streams import Streams
from medrecon.mri.fdmr.estimates import Estimates
from medrecon.mri.fdmr.holdout import level_of
from medrecon.mri.fdmr.plan import Plan
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.problem import Problem

if TYPE_CHECKING:
    from medrecon.mri.fdmr.method import Fdmr

Sigma = Callable[[Tensor], Tensor]
"""Noise over signal at a level, in a Problem's units."""


@final
@dataclass(frozen=True, eq=False)
class Setting:
    """A method with its plan, on a prior."""

    method: Fdmr
    plan: Plan
    prior: Prior
    denoiser: DdganDenoiser
    seed: int

    def data_step(self, problem: Problem) -> DataStep:
        """That of stages 1 and 3, and of the adapted image."""
        if self.method.data == "hard":
            return Hard(problem)
        return NoiseWeighted(problem, self.prior.variance, self.method.cg)

    def draws(self, problem: Problem, stage: int, sample: int = 0) -> Draws:
        """The random numbers of a stage; runs of the refinement are samples of their own."""
        streams = Streams(self.seed, problem.case, problem.slice_ids, [sample] * problem.n_slices)
        latent = self.denoiser.generator.options.latent
        return Draws(streams.to(problem.device), stage, problem.image_shape[1:], latent)

    def sigma(self, problem: Problem, held_power: Tensor) -> Sigma:
        """How noisy an estimate of the adapted network counts at a level: at the first as withheld samples say.

        Noise is nearly half of the signal there, and data weighed by that alone replace the estimate, noise and all,
        which an adapted network may know better.
        """
        of_level = self.prior.path.sigma
        if not (self.withholds and self.method.trust == "holdout"):
            return of_level
        measured, told = level_of(held_power, problem, self.prior.variance), self.method.told
        return lambda t: torch.where(t <= told, measured, of_level(t))

    @property
    def withholds(self) -> bool:
        """Whether stages 1 and 2 are kept from some samples."""
        return bool(self.plan.iterations) and self.method.rule(self.plan.stop).withholds

    @cached_property
    def _sigmas(self) -> list[float]:
        """Of all levels from 0, asked of the device once."""
        levels = torch.arange(self.denoiser.schedule.steps + 1, device=self.denoiser.latent.device)
        return self.prior.path.sigma(levels).tolist()

    def descent(self, problem: Problem, sigma: Sigma | None = None) -> Descent:
        """Down by the process, the data step by `sigma` or the levels' own."""
        return Descent(self.denoiser, sigma or self.prior.path.sigma, self.data_step(problem))

    def replacing(self, problem: Problem, sigma: Sigma | None = None) -> Descent:
        """Down by the means of the process, with samples replaced."""
        return Descent(self.denoiser, sigma or self.prior.path.sigma, Hard(problem), noisy=False)

    def estimates(self, problem: Problem, draws: Draws, calls: int, level: int | None) -> Estimates:
        """Down by estimates from a level; None for that of `dds`."""
        start = None if level is None else self._sigmas[level]
        return Estimates(problem, self.prior, self.data_step(problem), calls, draws, start)
