"""SPIRiT-Diffusion's data step: coil images that agree with prior, maps, neighbourhood in k-space, and data."""

from typing import ClassVar, Literal, final

from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep, trust
from medrecon.operators import LinearOperator
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sense_normal import SenseNormal
from medrecon.problem import Problem


@final
class SelfConsistent(DataStep):
    """Coil images x = F^-1 k of

        argmin |S^H x - u0|^2 / r_t^2 + |(I - S S^H) x|^2 / s_e^2 + mu |(G - I) k|^2 + |M k - y|^2 / sigma_y^2,

    and from them u0 = S^H x, by a fixed count of CG from S u0 on the equations times sigma_y^2. The part outside the
    range of S starts from zero each time: carried from step to step it would be a memory without a prior.

    Parameters
    ----------
    consistency : Psi = F^-1 (G - I)^H (G - I) F on coil images, which is W(r) pixel by pixel.
    variance : the prior's, per real component.

    sigma_y is the noise alone; the maps' error sits in s_e^2 = `problem.off_range`, the kernel's in
    1 / mu = `problem.inconsistency`.
    """

    history: ClassVar[Literal["conditional", "raw"]] = "conditional"

    def __init__(self, problem: Problem, consistency: LinearOperator, variance: float, iterations: int) -> None:
        self.coils, self.sampled = problem.coils, SenseNormal(problem.maps, problem.mask).sampled
        self.data, self.consistency = problem.sampling.H(problem.kspace), consistency
        self.noise_variance = problem.noise[:, None, None] ** 2
        self.off_range = self.noise_variance / problem.off_range[:, None, None]
        self.mu = (self.noise_variance / problem.inconsistency[:, None, None])[:, None]
        self.variance, self.iterations = variance, iterations

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:
        return self.coils.H(self.coil_images(x0, sigma))

    def coil_images(self, x0: Tensor, sigma: Tensor) -> Tensor:
        """`(slice, coil, y, x)` coil images of the combined estimate `x0`, off-range part included."""
        weight = self.noise_variance / trust(sigma, self.variance)

        def gram(x: Tensor) -> Tensor:
            # weight S S^H + off (I - S S^H), with one S S^H
            ranges = self.off_range[:, None] * x + self.coils((weight - self.off_range) * self.coils.H(x))
            return ranges + self.sampled(x) + self.mu * self.consistency(x)

        return conjugate_gradient(
            gram, self.data + self.coils(weight * x0), self.coils(x0), self.iterations, batch_axes=1
        )
