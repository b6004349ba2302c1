"""Down by estimates instead of draws of the process: what `dds` does, in stages 1 and 3 of `fdmr`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from medrecon.diffusion.adaptation.descent import Landing
from medrecon.diffusion.adaptation.draws import Draws
from medrecon.diffusion.datasteps import DataStep
from medrecon.diffusion.heads import Denoiser
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Sampler
from medrecon.mri.dds import DDS
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent

AMPLITUDE, MOMENTUM, TOLD = 0.6, 0.4, 1.0
"""Of fresh noise, of the last change, of the level: more cautious than those of `dds`. Eight levels know images with
noise, but not images with aliasing, which some noise covers up."""


@final
@dataclass(frozen=True, eq=False)
class Estimates:
    """The loop of `dds` on the levels of a DDGAN, each as near as it has one.

    Attributes
    ----------
    data : the data step at every level.
    calls : of the network.
    draws : of the stage.
    start : sigma of the first level; None for that of `dds`.
    """

    problem: Problem
    prior: Prior
    data: DataStep
    calls: int
    draws: Draws
    start: float | None = None

    def from_noise(self, estimate: Denoiser, stage: str, on_step: OnStep = silent) -> Landing:
        """From noise around the data's answer to an empty image, as `dds` begins."""
        sampler = self._sampler()
        first = sampler.path.sigma(sampler.levels[0])
        image = self.data(self.problem.kspace.new_zeros(self.problem.image_shape), first)
        return self._down(sampler, image + first * self.draws.noise(0), estimate, stage, on_step)

    def from_image(self, image: Tensor, estimate: Denoiser, stage: str, on_step: OnStep = silent) -> Landing:
        """From an image as it is: its error stands for the first level's noise."""
        return self._down(self._sampler(), image, estimate, stage, on_step)

    def _sampler(self) -> Sampler:
        options = DDS(steps=self.calls, start=self.start, amplitude=AMPLITUDE, momentum=MOMENTUM, told=TOLD)
        return options.sampler(self.problem, self.prior)

    def _down(self, sampler: Sampler, image: Tensor, estimate: Denoiser, stage: str, on_step: OnStep) -> Landing:
        x = sampler.path.a(sampler.levels[0]) * image

        def noise(step: int | Tensor) -> Tensor:
            return self.draws.noise(step + 1)

        def of_stage(p: Progress) -> None:
            on_step(replace(p, stage=stage))

        drawn = sampler(x, estimate, self.data, noise, of_stage)
        return Landing(drawn.image, drawn.estimate, drawn.estimate)
