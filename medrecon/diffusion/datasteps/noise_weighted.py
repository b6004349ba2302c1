"""Data and prior weighed by their variances: the default data step."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps.step import PosteriorStep, trust
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
class NoiseWeighted(PosteriorStep):
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
        self.coils, self.normals = problem.coils, 1 + problem.maps.shape[1]
        self.tolerance = torch.finfo(self.data.dtype).eps

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:
        return self._solve(x0, self.data, trust(sigma, self.variance))

    def draw(self, x0: Tensor, sigma: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """Data move by sigma_y F^-1 M F n in coil images: as random as noise in k-space, and the fewest transforms."""
        seen = self.coils.H(self.gram.sampling(noise[:, 1:]))
        return self._solve(x0 + spread * noise[:, 0], self.data + self.noise_variance.sqrt() * seen, sigma**2)

    def _solve(self, x0: Tensor, data: Tensor, pull: Tensor) -> Tensor:
        weight = self.noise_variance / pull

        def gram(x: Tensor) -> Tensor:
            return self.gram(x) + weight * x

        return conjugate_gradient(gram, data + weight * x0, x0, self.iterations, batch_axes=1, tolerance=self.tolerance)
