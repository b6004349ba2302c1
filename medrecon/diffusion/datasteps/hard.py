"""Replacement of the sampled points: trusts the data wholly, noise included."""

from typing import ClassVar, Literal, final

from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
class Hard(DataStep):
    """x0 + A^H (y - A x0): each coil's sampled points are overwritten, the coils combined again.

    For a single coil this is the limit sigma_y -> 0 of the noise-weighted step; for several it is one projection
    towards it (`NullSpace` goes all the way).
    """

    history: ClassVar[Literal["conditional", "raw"]] = "raw"

    def __init__(self, problem: Problem) -> None:
        self.gram, self.data = SenseNormal(problem.maps, problem.mask), problem.forward.H(problem.kspace)

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        return x0 + self.data - self.gram(x0)
