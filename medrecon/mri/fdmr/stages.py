"""The three stages of `fdmr` on one batch of slices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.adam import Adam
from medrecon.diffusion.adaptation.adapt import Adaptation, Adapted, OnIterate
from medrecon.diffusion.adaptation.adapter import Adapter
from medrecon.diffusion.adaptation.descent import Landing
from medrecon.diffusion.adaptation.generation import STAGE, Generation
from medrecon.diffusion.adaptation.misfit import Misfit
from medrecon.diffusion.sampler import NonFiniteError
from medrecon.mri.fdmr.adapters import adapter_of, untrained
from medrecon.mri.fdmr.holdout import withheld_samples, without
from medrecon.mri.fdmr.joined import joined
from medrecon.mri.fdmr.refining import Refining
from medrecon.mri.fdmr.setting import Setting
from medrecon.problem import Problem
from medrecon.progress import OnStep, silent
from medrecon.replay import Tensors

GENERATION, ADAPTATION = 0, 2
"""Numbers of the stages that draw, `refining.NUMBER` among them."""


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

    setting: Setting
    mask: Tensor

    @property
    def together(self) -> bool:
        """Whether slices can share a batch."""
        return not self.setting.plan.iterations or self.adapter.shared

    @cached_property
    def adapter(self) -> Adapter:
        setting = self.setting
        denoiser = setting.denoiser if setting.plan.trained else untrained(setting.denoiser, setting.seed)
        return adapter_of(denoiser, setting.plan.parameters, setting.method.rank)

    @cached_property
    def adaptation(self) -> Adaptation:
        plan = self.setting.plan
        rule = self.setting.method.rule(plan.stop)
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
        held = self._withheld(problem)
        landed, of_all, calls = self._landed(problem, held, on_step)
        static = landed.image if self.setting.method.final else landed.estimate
        image, adapted = static, None
        if self.setting.plan.iterations:
            latent = self.setting.draws(problem, GENERATION).latent(1)
            inputs = self._inputs(problem, landed, latent)
            adapted = self._adapt(problem, held, inputs, before, on_step, on_iterate)
            calls += adapted.calls
            if of_all is not None:
                shown = self._inputs(problem, of_all, latent)
                adapted, calls = replace(adapted, image=self.adapter(adapted.values, *shown)), calls + 1
            image = self._settled(problem, adapted)
        refining = Refining(self.setting, self.adapter)
        image, calls = refining(problem, image, adapted, on_step), calls + refining.calls
        _check(image, static)
        return Found(image, static, adapted, calls)

    def settled(self, problem: Problem, image: Tensor, held_power: Tensor) -> Tensor:
        """An image of the adapted network after the data, weighed by its error on withheld samples."""
        sigma = self.setting.sigma(problem, held_power)
        return self.setting.data_step(problem)(image, sigma(self._told))

    def _withheld(self, problem: Problem) -> Tensor | None:
        if not self.setting.withholds:
            return None
        return withheld_samples(problem, self.setting.method.share, self.setting.seed)

    def _landed(self, problem: Problem, held: Tensor | None, on_step: OnStep) -> tuple[Landing, Landing | None, int]:
        """Where stage 1 ends without the samples `held`, and with all where the adapted network is shown those.

        The two are one batch, for which a GPU records one graph. The last is the network calls a slice.
        """
        kept = problem if held is None else without(problem, held)
        if held is None or not (self.setting.plan.trained and self.setting.method.whole):
            landed, calls = self._generated(kept, on_step)
            return landed, None, calls
        both, calls = self._generated(joined(kept, problem), on_step)
        return *both.halves(), 2 * calls

    def _generated(self, problem: Problem, on_step: OnStep) -> tuple[Landing, int]:
        """Stage 1 and its network calls; for an untrained network the zero-filled image."""
        zero_filled, setting = problem.forward.H(problem.kspace), self.setting
        if not setting.plan.trained:
            return Landing(zero_filled, zero_filled, zero_filled), 0
        draws, method = setting.draws(problem, GENERATION), setting.method
        if setting.plan.draws == "estimate":
            walk = setting.estimates(problem, draws, method.steps, method.start)
            return walk.from_noise(setting.denoiser, STAGE, on_step), method.steps
        level = method.start or setting.denoiser.schedule.steps
        return Generation(setting.descent(problem), level)(zero_filled, setting.denoiser, draws, on_step), level

    def _adapt(
        self,
        problem: Problem,
        held: Tensor | None,
        inputs: Tensors,
        before: Adapted | None,
        on_step: OnStep,
        on_iterate: OnIterate | None,
    ) -> Adapted:
        n, adaptation = problem.n_slices, self.adaptation
        start = self.adapter.start(n) if before is None else before.values[-1:].expand(n, -1).clone()
        return adaptation(inputs, adaptation.misfit.samples(problem, held), start, on_step, on_iterate)

    def _inputs(self, problem: Problem, landed: Landing, latent: Tensor) -> Tensors:
        """What the network sees in stage 2: image or state, level and latent."""
        return self._shown(problem, landed), self._told, latent

    def _shown(self, problem: Problem, landed: Landing) -> Tensor:
        setting, noisy = self.setting, self.setting.method.shown == "state"
        if setting.plan.draws == "posterior" and setting.method.told == 1:
            return landed.state if noisy else landed.image
        noise = setting.draws(problem, ADAPTATION).noise(0) if noisy else torch.zeros_like(landed.image)
        # a level on the host, by which a table is read without waiting for the device
        return setting.denoiser.noised(landed.image, noise, torch.tensor(setting.method.told))

    def _settled(self, problem: Problem, adapted: Adapted) -> Tensor:
        """The adapted image after the data, all of them."""
        return self.settled(problem, adapted.image, adapted.held_power) if self.setting.method.final else adapted.image

    @property
    def _told(self) -> Tensor:
        return torch.full((), self.setting.method.told, device=self.mask.device)


def _check(image: Tensor, static: Tensor) -> None:
    bad = (~torch.isfinite(image.abs())).flatten(1).any(1).nonzero().flatten().tolist()
    if bad:
        raise NonFiniteError(
            f"adaptation gave NaN or infinity in slice {bad[0]} of the batch of {len(image)}; check the k-space "
            "for NaN and the prior's file, or give a smaller --rate",
            static,
        )
