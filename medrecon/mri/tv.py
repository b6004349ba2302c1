"""Compressed sensing with total variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from medrecon.mri.method import Method, Solution
from medrecon.optimisation.fista import fista
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.optimisation.total_variation import TotalVariationProx
from medrecon.optimisation.weight import check_count, per_slice
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class TotalVariation(Method):
    """argmin |A u - y|^2 / 2 + weight TV(u), isotropic on complex images, by FISTA (Block et al. 2007).

    The prox is a few warm-started steps of fast gradient projection (Beck and Teboulle 2009b).

    Attributes
    ----------
    weight : None takes `noise_factor * data_sigma`.
    noise_factor : within 0.03 dB of the best mean over the scans of `benchmarks/results/noise_rules.json.xz`.
    iterations : of FISTA.
    inner_iterations : of the prox.
    """

    name: ClassVar[str] = "tv"

    weight: float | None = None
    noise_factor: float = 0.2
    iterations: int = 100
    inner_iterations: int = 5

    def __post_init__(self) -> None:
        check_count("iterations", self.iterations)
        check_count("inner_iterations", self.inner_iterations)

    def solve(
        self,
        problem: Problem,
        *,
        prior: Prior | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
        on_step: OnStep = silent,
    ) -> Solution:
        normal = SenseNormal(problem.maps, problem.mask)
        image = rhs = problem.forward.H(problem.kspace)
        weight = per_slice(self.weight, self.noise_factor * problem.data_sigma, problem)
        prox = TotalVariationProx(weight, self.inner_iterations)
        for i, image in enumerate(fista(lambda u: normal(u) - rhs, prox, rhs, self.iterations)):  # noqa: B007
            on_step(Progress(self.name, i + 1, self.iterations))
        return Solution(samples=image.unsqueeze(0))
