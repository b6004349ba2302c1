"""Stage 3 of `fdmr` on one batch of slices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.adapt import Adapted
from medrecon.diffusion.adaptation.adapter import Adapter
from medrecon.diffusion.adaptation.descent import Estimate
from medrecon.diffusion.adaptation.refinement import STAGE, Refinement
from medrecon.mri.fdmr.setting import Setting
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent

NUMBER = 1
"""Of the stage, among those that draw."""


@final
@dataclass(frozen=True, eq=False)
class Refining:
    """From an image to the refined one, by the kind that the plan names."""

    setting: Setting
    adapter: Adapter

    @property
    def calls(self) -> int:
        """Of the network, a slice."""
        plan, method = self.setting.plan, self.setting.method
        runs = {"none": 0, "estimate": 1}.get(plan.refine, method.runs)
        return method.level * runs

    def __call__(self, problem: Problem, image: Tensor, adapted: Adapted | None, on_step: OnStep = silent) -> Tensor:
        """`image` `(slice, y, x)` refined with the network as it was adapted, or as it was trained."""
        kind = self.setting.plan.refine
        if kind == "none":
            return image
        estimate, sigma = self.setting.denoiser, None
        if adapted is not None and kind != "original":
            estimate = partial(self.adapter, adapted.values)
            sigma = self.setting.sigma(problem, adapted.held_power)
        if kind == "estimate":
            return self._estimated(problem, image, estimate, on_step)
        descents = self.setting.replacing if kind == "deterministic" else self.setting.descent
        method = self.setting.method
        refinement = Refinement(descents(problem, sigma), method.level, method.final)
        total = torch.zeros_like(image)
        for run in range(method.runs):
            whole = _run_of(on_step, run, method.runs)
            total += refinement(image, estimate, self.setting.draws(problem, NUMBER, run), whole)
        return total / method.runs

    def _estimated(self, problem: Problem, image: Tensor, estimate: Estimate, on_step: OnStep) -> Tensor:
        """From the image as it is, `level` calls from that level down."""
        draws, method = self.setting.draws(problem, NUMBER), self.setting.method
        latent = draws.latent(1)
        walk = self.setting.estimates(problem, draws, method.level, method.level)
        landed = walk.from_image(image, lambda x, t: estimate(x, t, latent), STAGE, on_step)
        return landed.image if method.final else landed.estimate


def _run_of(on_step: OnStep, run: int, runs: int) -> OnStep:
    return lambda p: on_step(Progress(p.stage, run * p.total + p.done, runs * p.total))
