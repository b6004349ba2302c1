"""The three stages of `fdmr` on one batch of slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.adam import Adam
from medrecon.diffusion.adaptation.adapt import Adaptation, Adapted, OnIterate
from medrecon.diffusion.adaptation.adapter import Adapter
from medrecon.diffusion.adaptation.descent import Descent, Estimate, Landing
from medrecon.diffusion.adaptation.draws import Draws
from medrecon.diffusion.adaptation.generation import STAGE as GENERATION_STAGE
from medrecon.diffusion.adaptation.generation import Generation
from medrecon.diffusion.adaptation.misfit import Misfit
from medrecon.diffusion.adaptation.refinement import STAGE as REFINEMENT_STAGE
from medrecon.diffusion.adaptation.refinement import Refinement
from medrecon.diffusion.datasteps import DataStep, Hard, NoiseWeighted
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import NonFiniteError
from medrecon.diffusion.streams import Streams
from medrecon.mri.fdmr.adapters import adapter_of, untrained
from medrecon.mri.fdmr.estimates import Estimates
from medrecon.mri.fdmr.holdout import level_of, withheld_samples, without
from medrecon.mri.fdmr.plan import Plan
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.mri.fdmr.method import Fdmr

GENERATION, REFINEMENT, ADAPTATION = 0, 1, 2
"""Numbers of the stages that draw; runs of the refinement are samples of their own."""


@dataclass(frozen=True, eq=False)
class Found:
    """Images `(slice, y, x)` of a batch, how their adaptation went (None without one), and network calls a slice.

    static : what stage 1 ended at, without the withheld samples; of an untrained network what it was shown.
    """

    image: Tensor
    static: Tensor
    adapted: Adapted | None
    calls: int


@final
@dataclass(frozen=True, eq=False)
class Stages:
    """Callable on a batch of slices under `mask`; batches of one shape share what was recorded of the adaptation."""

    method: Fdmr
    plan: Plan
    prior: Prior
    denoiser: DdganDenoiser
    mask: Tensor
    seed: int

    @property
    def together(self) -> bool:
        """Whether slices can share a batch."""
        return not self.plan.iterations or self.adapter.shared

    @cached_property
    def adapter(self) -> Adapter:
        denoiser = self.denoiser if self.plan.trained else untrained(self.denoiser, self.seed)
        return adapter_of(denoiser, self.plan.parameters, self.method.rank)

    @cached_property
    def adaptation(self) -> Adaptation:
        plan, rule = self.plan, self.method.rule(self.plan.stop)
        return Adaptation(self.adapter, Misfit(self.mask), rule, Adam(plan.rate), plan.iterations)

    @torch.no_grad()
    def __call__(
        self,
        problem: Problem,
        before: Adapted | None = None,
        on_step: OnStep = silent,
        on_iterate: OnIterate | None = None,
    ) -> Found:
        """The images of `problem`; `before` is where a warm start begins.

        Raises NonFiniteError with what stage 1 gave where an image is not finite.
        """
        plan, held = self.plan, self._withheld(problem)
        landed, calls = self._generated(problem if held is None else without(problem, held), on_step)
        static = landed.image if self.method.final else landed.estimate
        image, adapted = static, None
        if plan.iterations:
            adapted = self._adapt(problem, held, self._shown(problem, landed), before, on_step, on_iterate)
            calls += adapted.calls
            if held is not None and plan.trained and self.method.whole:
                landed, more = self._generated(problem, silent)
                calls += more + 1
                adapted = replace(adapted, image=self._applied(problem, adapted, landed))
            image = self._settled(problem, adapted)
        if plan.refine != "none":
            image, calls = self._refined(problem, image, adapted, on_step), calls + self._refining
        self._check(image, static)
        return Found(image, static, adapted, calls)

    def data_step(self, problem: Problem) -> DataStep:
        """That of stages 1 and 3, and of the adapted image."""
        if self.method.data == "hard":
            return Hard(problem)
        return NoiseWeighted(problem, self.prior.variance, self.method.cg)

    def _withheld(self, problem: Problem) -> Tensor | None:
        if not (self.plan.iterations and self.adaptation.rule.withholds):
            return None
        return withheld_samples(problem, self.method.share, self.seed)

    def _generated(self, problem: Problem, on_step: OnStep) -> tuple[Landing, int]:
        """Stage 1 and its network calls; for an untrained network the zero-filled image."""
        zero_filled = problem.forward.H(problem.kspace)
        if not self.plan.trained:
            return Landing(zero_filled, zero_filled, zero_filled), 0
        draws = self._draws(problem, GENERATION)
        if self.plan.draws == "estimate":
            start = None if self.method.start is None else float(self._sigma_of(self.method.start))
            walk = Estimates(problem, self.prior, self.data_step(problem), self.method.steps, draws, start)
            return walk.from_noise(self.denoiser, GENERATION_STAGE, on_step), self.method.steps
        level = self.method.start or self.denoiser.schedule.steps
        return Generation(self._descent(problem), level)(zero_filled, self.denoiser, draws, on_step), level

    def _adapt(
        self,
        problem: Problem,
        held: Tensor | None,
        shown: Tensor,
        before: Adapted | None,
        on_step: OnStep,
        on_iterate: OnIterate | None,
    ) -> Adapted:
        n, adaptation = problem.n_slices, self.adaptation
        latent = self._draws(problem, GENERATION).latent(1)
        start = self.adapter.start(n) if before is None else before.values[-1:].expand(n, -1).clone()
        inputs = (shown, torch.tensor(self.method.told, device=shown.device), latent)
        return adaptation(inputs, adaptation.misfit.samples(problem, held), start, on_step, on_iterate)

    def _applied(self, problem: Problem, adapted: Adapted, landed: Landing) -> Tensor:
        """What the adapted network makes of another image than it was adapted on."""
        told = torch.tensor(self.method.told, device=landed.image.device)
        latent = self._draws(problem, GENERATION).latent(1)
        return self.adapter(adapted.values, self._shown(problem, landed), told, latent)

    def _shown(self, problem: Problem, landed: Landing) -> Tensor:
        """What the network sees in stage 2."""
        told = torch.tensor(self.method.told, device=landed.image.device)
        noisy = self.method.shown == "state"
        if self.plan.draws == "posterior" and self.method.told == 1:
            return landed.state if noisy else landed.image
        noise = self._draws(problem, ADAPTATION).noise(0) if noisy else torch.zeros_like(landed.image)
        return self.denoiser.noised(landed.image, noise, told)

    def _settled(self, problem: Problem, adapted: Adapted) -> Tensor:
        """The adapted image after the data, all of them."""
        return self.settled(problem, adapted.image, adapted.held_power) if self.method.final else adapted.image

    def settled(self, problem: Problem, image: Tensor, held_power: Tensor) -> Tensor:
        """An image of the adapted network after the data, weighed by its error on withheld samples."""
        told = torch.tensor(self.method.told, device=image.device)
        return self.data_step(problem)(image, self.sigma(problem, held_power)(told))

    def sigma(self, problem: Problem, held_power: Tensor) -> Callable[[Tensor], Tensor]:
        """How noisy an estimate of the adapted network counts at a level: at the first as withheld samples say.

        Noise is nearly half of the signal there, and data weighed by that alone replace the estimate, noise and all,
        which an adapted network may know better.
        """
        of_level = self.prior.path.sigma
        if not (self.adaptation.rule.withholds and self.method.trust == "holdout"):
            return of_level
        measured = level_of(held_power, problem, self.prior.variance)
        told = self.method.told
        return lambda t: torch.where(t <= told, measured, of_level(t))

    def _refined(self, problem: Problem, image: Tensor, adapted: Adapted | None, on_step: OnStep) -> Tensor:
        """The mean of the refinement's runs."""
        kind, method, runs = self.plan.refine, self.method, self.method.runs
        estimate: Estimate = self.denoiser
        descent = self._descent(problem) if kind != "deterministic" else self._replacing(problem)
        if adapted is not None and kind != "original":
            estimate = partial(self.adapter, adapted.values)
            descent = replace(descent, sigma=self.sigma(problem, adapted.held_power))
        if kind == "estimate":
            return self._estimated(problem, image, estimate, on_step)
        refinement = Refinement(descent, method.level, method.final)
        total = torch.zeros_like(image)
        for run in range(runs):
            whole = _run_of(on_step, run, runs)
            total += refinement(image, estimate, self._draws(problem, REFINEMENT, run), whole)
        return total / runs

    @property
    def _refining(self) -> int:
        """Network calls a slice of the refinement."""
        return self.method.level * (1 if self.plan.refine == "estimate" else self.method.runs)

    def _estimated(self, problem: Problem, image: Tensor, estimate: Estimate, on_step: OnStep) -> Tensor:
        """The refinement by estimates: from the image as it is, `level` calls from that level down."""
        draws, level = self._draws(problem, REFINEMENT), self.method.level
        latent = draws.latent(1)
        first = float(self._sigma_of(level))
        walk = Estimates(problem, self.prior, self.data_step(problem), level, draws, first)
        landed = walk.from_image(image, lambda x, t: estimate(x, t, latent), REFINEMENT_STAGE, on_step)
        return landed.image if self.method.final else landed.estimate

    def _sigma_of(self, level: int) -> Tensor:
        return self.prior.path.sigma(torch.tensor(level, device=self.mask.device))

    def _descent(self, problem: Problem) -> Descent:
        return Descent(self.denoiser, self.prior.path.sigma, self.data_step(problem))

    def _replacing(self, problem: Problem) -> Descent:
        return Descent(self.denoiser, self.prior.path.sigma, Hard(problem), noisy=False)

    def _draws(self, problem: Problem, stage: int, sample: int = 0) -> Draws:
        streams = Streams(self.seed, problem.case, problem.slice_ids, [sample] * problem.n_slices)
        latent = self.denoiser.generator.options.latent
        return Draws(streams.to(problem.device), stage, problem.image_shape[1:], latent)

    @staticmethod
    def _check(image: Tensor, static: Tensor) -> None:
        bad = (~torch.isfinite(image.abs())).flatten(1).any(1).nonzero().flatten().tolist()
        if bad:
            raise NonFiniteError(
                f"adaptation gave NaN or infinity in slice {bad[0]} of the batch of {len(image)}; check the k-space "
                "for NaN and the prior's file, or give a smaller --rate",
                static,
            )


def _run_of(on_step: OnStep, run: int, runs: int) -> OnStep:
    return lambda p: on_step(Progress(p.stage, run * p.total + p.done, runs * p.total))
