"""The prior fills only what the data leave open (DDNM, Wang et al. 2023)."""

from typing import ClassVar, Literal, final

from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sense_normal import SenseNormal
from medrecon.problem import Problem


@final
class NullSpace(DataStep):
    """x0 - A^+ (A x0 - y), the pseudo-inverse by a fixed count of CG on A^H A from zero: sigma_y -> 0 exactly."""

    history: ClassVar[Literal["conditional", "raw"]] = "raw"

    def __init__(self, problem: Problem, iterations: int) -> None:
        self.gram, self.data = SenseNormal(problem.maps, problem.mask), problem.forward.H(problem.kspace)
        self.iterations = iterations

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        return x0 + conjugate_gradient(self.gram, self.data - self.gram(x0), None, self.iterations, batch_axes=1)
