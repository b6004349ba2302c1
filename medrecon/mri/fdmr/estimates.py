"""Down by estimates instead of draws of the process: what `dds` does, in stages 1 and 3 of `fdmr`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from medrecon.diffusion.adaptation.descent import Landing
from medrecon.diffusion.datasteps import DataStep
from medrecon.diffusion.heads import Denoiser
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Sampler
from medrecon.mri.dds import DDS
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent

Noise = Callable[[int], Tensor]
"""Fresh noise `(slice, y, x)` of unit variance per real component, by number."""


@final
@dataclass(frozen=True, eq=False)
class Estimates:
    """The levels, momentum and told shares of `dds` on the levels of a DDGAN, each as near as it has one.

    Attributes
    ----------
    data : the data step at every level.
    calls : of the network.
    start : sigma of the first level; None for that of `dds`.
    """

    problem: Problem
    prior: Prior
    data: DataStep
    calls: int
    start: float | None = None

    def from_noise(self, noise: Tensor, estimate: Denoiser, stage: str, on_step: OnStep = silent) -> Landing:
        """From noise around the data's answer to an empty image, as `dds` begins."""
        sampler = self._sampler()
        first = sampler.path.sigma(sampler.levels[0])
        image = self.data(self.problem.kspace.new_zeros(self.problem.image_shape), first)
        return self._down(sampler, image + first * noise, estimate, stage, on_step)

    def from_image(self, image: Tensor, estimate: Denoiser, stage: str, on_step: OnStep = silent) -> Landing:
        """From an image as it is: its error stands for the first level's noise."""
        return self._down(self._sampler(), image, estimate, stage, on_step)

    def _sampler(self) -> Sampler:
        return DDS(steps=self.calls, start=self.start).sampler(self.problem, self.prior)

    def _down(self, sampler: Sampler, image: Tensor, estimate: Denoiser, stage: str, on_step: OnStep) -> Landing:
        x = sampler.path.a(sampler.levels[0]) * image

        def of_stage(p: Progress) -> None:
            on_step(replace(p, stage=stage))

        drawn = sampler(x, estimate, self.data, lambda _: x, of_stage)
        return Landing(drawn.image, drawn.estimate, drawn.estimate)
