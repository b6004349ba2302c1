"""The prior fills only what the data leave open (DDNM, Wang et al. 2023)."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
class NullSpace(DataStep):
    """x0 - A^+ (A x0 - y): sigma_y -> 0 exactly, by at most `iterations` of CG on A^H A x = A^H y from x0.

    A^H A is singular, so that CG has to stop where rounding takes over: each slice for itself.
    """

    history: ClassVar[Literal["conditional", "raw"]] = "raw"

    def __init__(self, problem: Problem, iterations: int) -> None:
        self.gram, self.data = SenseNormal(problem.maps, problem.mask), problem.forward.H(problem.kspace)
        self.iterations, self.tolerance = iterations, 10 * torch.finfo(self.data.dtype).eps

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        return conjugate_gradient(self.gram, self.data, x0, self.iterations, batch_axes=1, tolerance=self.tolerance)
