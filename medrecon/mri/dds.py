"""`dds`: diffusion prior with noise-weighted conjugate gradients, after decomposed diffusion sampling."""

from dataclasses import dataclass
from typing import ClassVar, final

from medrecon.diffusion.datasteps import DataStep, NoiseWeighted
from medrecon.diffusion.prior import Prior
from medrecon.mri.drawing import Drawing
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class DDS(Drawing):
    """DDS (Chung et al., ICLR 2024) with data and prior weighed by their variances instead of a fixed gamma.

    The data's variance is noise and model error together (`Problem.data_sigma`).
    """

    name: ClassVar[str] = "dds"

    def data_step(self, problem: Problem, prior: Prior) -> DataStep:
        return NoiseWeighted(problem, prior.variance, self.iterations)
