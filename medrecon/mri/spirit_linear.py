"""Linear SPIRiT: parallel imaging by k-space self-consistency, without an image prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import torch
from torch import Tensor

from medrecon.mri.method import Method, Solution
from medrecon.operators import Coils, fft2c, ifft2c
from medrecon.operators.spirit import SelfConsistency, spirit_matrices
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SamplingNormal
from medrecon.optimisation.weight import check_count, per_slice
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem

TINY = 1e-20  # a noise-free problem weighs its data finitely


@final
@dataclass(frozen=True)
class SpiritLinear(Method):
    """argmin_k |(G - I) k|^2 + weight |M k - y|^2 over all coils' k-space (Lustig and Pauly 2010, eq. 7).

    Solved by conjugate gradients on coil images, where (G - I)^H (G - I) is the matrix W(r) at every pixel; the
    image is S^H x of the coil images x, which themselves need not lie in the range of the maps. A single coil has
    no kernel, so nothing predicts its missing samples: the result is then zero-filled.

    Attributes
    ----------
    weight : of the data; None takes `inconsistency / noise^2`, so that both terms count their own variance.
    iterations : fixed count, the best of `benchmarks/results/noise_rules.json.xz`; directions that neither term
        determines converge last and are left out.
    """

    name: ClassVar[str] = "spirit-linear"

    weight: float | None = None
    iterations: int = 25

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
        weight = per_slice(self.weight, problem.inconsistency / (problem.noise**2).clamp(min=TINY), problem)[..., None]
        slices = []
        # one slice at a time: W(r) takes coil^2 numbers a pixel
        for i in range(problem.n_slices):
            slices.append(self._coil_images(problem.select(slice(i, i + 1)), weight[i : i + 1]))
            on_step(Progress(self.name, i + 1, problem.n_slices))
        coil_images = torch.cat(slices)
        image = Coils(problem.maps).H(coil_images)
        return Solution(samples=image.unsqueeze(0), coil_kspace=fft2c(coil_images))

    def _coil_images(self, problem: Problem, weight: Tensor) -> Tensor:
        rhs = ifft2c(problem.kspace)
        if problem.kernel is None:
            return rhs
        sampling = SamplingNormal(problem.mask, tuple(problem.kspace.shape))
        consistency = SelfConsistency(spirit_matrices(problem.kernel, (rhs.shape[-2], rhs.shape[-1])))
        # both terms divided by 1 + weight, so that neither grows without bound
        data, spirit = weight / (1 + weight), 1 / (1 + weight)
        return conjugate_gradient(
            lambda x: data * sampling(x) + spirit * consistency(x), data * rhs, None, self.iterations
        )
