"""Zero-filled reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from medrecon.mri.method import Method, Solution
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class ZeroFilled(Method):
    """A^H y: missing samples are zero, coils combined with the maps; sampling density is not compensated."""

    name: ClassVar[str] = "zero-filled"

    def solve(
        self,
        problem: Problem,
        *,
        prior: Prior | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
        on_step: OnStep = silent,
    ) -> Solution:
        image = problem.forward.H(problem.kspace)
        on_step(Progress(self.name, 1, 1))
        return Solution(samples=image.unsqueeze(0), coil_kspace=problem.kspace)
