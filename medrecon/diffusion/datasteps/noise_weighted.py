"""Data and prior weighed by their variances: the default data step."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep, trust
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
class NoiseWeighted(DataStep):
    """argmin_x |A x - y|^2 / (2 sigma_y^2) + |x - x0|^2 / (2 r_t^2), by a fixed count of CG from x0.

    sigma_y is the Problem's `data_sigma` (noise and model error), `variance` the prior's per real component.
    With an isotropic Gaussian prior and converged CG this is exactly E[x0 | x_t, y]. Too few iterations to converge
    leave x0 where data say little: their count is part of the method.
    """

    history: ClassVar[Literal["conditional", "raw"]] = "conditional"

    def __init__(self, problem: Problem, variance: float, iterations: int) -> None:
        self.gram, self.data = SenseNormal(problem.maps, problem.mask), problem.forward.H(problem.kspace)
        self.noise_variance = problem.data_sigma[:, None, None] ** 2
        self.variance, self.iterations = variance, iterations
        self.tolerance = torch.finfo(self.data.dtype).eps

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:
        weight = self.noise_variance / trust(sigma, self.variance)

        def gram(x: Tensor) -> Tensor:
            return self.gram(x) + weight * x

        rhs = self.data + weight * x0
        return conjugate_gradient(gram, rhs, x0, self.iterations, batch_axes=1, tolerance=self.tolerance)
