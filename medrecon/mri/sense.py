"""SENSE by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from medrecon.mri.method import Method, Solution
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.optimisation.weight import check_count, per_slice
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class Sense(Method):
    """argmin |A u - y|^2 + weight |u|^2 by conjugate gradients (Pruessmann et al. 2001).

    Attributes
    ----------
    weight : of |u|^2, in units of A^H A; None takes data_sigma^2 / prior_variance, the Bayesian ridge of a white
        Gaussian prior.
    prior_variance : of that prior, per real component, in the Problem's units; the default is the best
        mean over the scans of `benchmarks/results/noise_rules.json.xz`.
    iterations : fixed count, from the same sweep; few of them regularise too (semi-convergence).
    """

    name: ClassVar[str] = "sense"

    weight: float | None = None
    prior_variance: float = 0.02
    iterations: int = 10

    def __post_init__(self) -> None:
        check_count("iterations", self.iterations)

    def solve(
        self,
        problem: Problem,
        *,
        prior: Prior | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
        on_step: OnStep = silent,
    ) -> Solution:
        normal = SenseNormal(problem.maps, problem.mask)
        ridge = per_slice(self.weight, problem.data_sigma**2 / self.prior_variance, problem)
        rhs = problem.forward.H(problem.kspace)
        image = conjugate_gradient(lambda u: normal(u) + ridge * u, rhs, None, self.iterations)
        on_step(Progress(self.name, 1, 1))
        return Solution(samples=image.unsqueeze(0))
