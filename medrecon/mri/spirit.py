"""`spirit`: image-domain prior with coil-wise k-space self-consistency, the fast form of SPIRiT-Diffusion."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.diffusion.datasteps import DataStep, NoiseWeighted, SelfConsistent
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Draw
from medrecon.mri.drawing import Drawing
from medrecon.operators import fft2c
from medrecon.operators.spirit import spirit_matrices
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class Spirit(Drawing):
    """SPIRiT-Diffusion (Cui et al. 2024) on the combined image u alone, one network call a step.

    All noise is S w with w in image space, which for sum|S|^2 = 1 is the paper's projected noise, so that the state
    needs no coils. Coil images appear in the data step only (`SelfConsistent`), which lets them leave the range of
    inexact maps as far as kernel and data ask. With exact maps this tends to `dds`; with one coil there is no
    kernel, nothing outside the range, and it is `dds`.
    """

    name: ClassVar[str] = "spirit"

    def data_step(self, problem: Problem, prior: Prior) -> DataStep:
        if problem.kernel is None:
            return NoiseWeighted(problem, prior.variance, self.iterations)
        matrices = spirit_matrices(problem.kernel, problem.image_shape[1:])
        return SelfConsistent(problem, matrices, prior.variance, self.iterations, draws=self.annealing is not None)

    def coil_kspace(self, data: DataStep, draw: Draw) -> Tensor | None:
        """k-space of the last step's coil images, their off-range part included."""
        return fft2c(data.coil_images(draw.estimate, draw.sigma)) if isinstance(data, SelfConsistent) else None
