"""The noise-weighted step of HFS-SDE: data move the high band alone."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps.step import PosteriorStep, trust
from medrecon.operators.highpass import HighPass
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
class HighBand(PosteriorStep):
    """argmin_h |A (low + h) - y|^2 / (2 sigma_y^2) + |h - F_h x0|^2 / (2 r_t^2) over h = F_h h, by CG from F_h x0.

    Gives low + h: the low band stays as it is known, whatever the data, the prior or the noise say. `variance` is the
    prior's of the high band, per real component.
    """

    history: ClassVar[Literal["conditional", "raw"]] = "conditional"

    def __init__(self, problem: Problem, high: HighPass, low: Tensor, variance: float, iterations: int) -> None:
        self.high, self.low = high, low
        self.gram = SenseNormal(problem.maps, problem.mask)
        self.data = high(problem.forward.H(problem.kspace) - self.gram(low))
        self.coils, self.noise_variance = problem.coils, problem.data_sigma[:, None, None] ** 2
        self.variance, self.iterations = variance, iterations
        self.normals = 1 + problem.maps.shape[1]
        self.tolerance = torch.finfo(self.data.dtype).eps

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:
        return self._solve(self.high(x0), self.data, trust(sigma, self.variance))

    def draw(self, x0: Tensor, sigma: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """As `NoiseWeighted.draw`, with the high band of its noise."""
        seen = self.high(self.coils.H(self.gram.sampling(noise[:, 1:])))
        moved = self.high(x0 + spread * noise[:, 0])
        return self._solve(moved, self.data + self.noise_variance.sqrt() * seen, sigma**2)

    def _solve(self, band: Tensor, data: Tensor, pull: Tensor) -> Tensor:
        weight = self.noise_variance / pull

        def gram(x: Tensor) -> Tensor:
            return self.high(self.gram(x)) + weight * x

        rhs = data + weight * band
        return self.low + conjugate_gradient(gram, rhs, band, self.iterations, batch_axes=1, tolerance=self.tolerance)
