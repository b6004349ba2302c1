"""Compressed sensing with wavelets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, final

import torch
from torch import Tensor

from medrecon.mri.method import Method, Solution
from medrecon.optimisation.daubechies import Daubechies2
from medrecon.optimisation.fista import fista
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.optimisation.soft_threshold import soft_threshold
from medrecon.optimisation.weight import check_count, per_slice
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class Wavelet(Method):
    """argmin |A u - y|^2 / 2 + weight |details of W u|_1 by FISTA, W a randomly shifted Daubechies-2 transform.

    Lustig et al. 2007; random shifts ("cycle spinning") after Figueiredo and Nowak 2003. Shifts never settle, and
    momentum keeps their noise alive, so the image is the mean of the last `averaged` iterates.

    Attributes
    ----------
    weight : None takes `noise_factor * data_sigma`.
    noise_factor : the best mean over the scans of `benchmarks/results/noise_rules.json`.
    iterations : evaluation.md asks for at least 100.
    averaged : last iterates that make the image.
    levels : of the transform; details of 2 to 2^levels pixels are thresholded.
    """

    name: ClassVar[str] = "wavelet"

    weight: float | None = None
    noise_factor: float = 0.3
    iterations: int = 100
    averaged: int = 20
    levels: int = 4

    def __post_init__(self) -> None:
        for name in ("iterations", "averaged", "levels"):
            check_count(name, getattr(self, name))

    def solve(
        self,
        problem: Problem,
        *,
        prior: Prior | None = None,  # noqa: ARG002
        seed: int = 0,
        on_step: OnStep = silent,
    ) -> Solution:
        normal = SenseNormal(problem.maps, problem.mask)
        rhs = problem.forward.H(problem.kspace)
        weight = per_slice(self.weight, self.noise_factor * problem.data_sigma, problem)
        prox = ShiftedWaveletProx(weight, (rhs.shape[-2], rhs.shape[-1]), self.levels, seed)
        first = max(self.iterations - self.averaged, 0)
        mean = torch.zeros_like(rhs)
        for i, image in enumerate(islice(fista(lambda u: normal(u) - rhs, prox, rhs), self.iterations)):
            if i >= first:
                mean = mean + (image - mean) / (i - first + 1)
            on_step(Progress(self.name, i + 1, self.iterations))
        return Solution(samples=mean.unsqueeze(0))


class ShiftedWaveletProx:
    """Soft thresholding of the detail coefficients of images `(…, y, x)`, shifted anew at each call.

    All slices share the shift, so that a slice's result does not depend on its neighbours. `weight` `(slice, 1, 1)`;
    the approximation is left as it is.
    """

    def __init__(self, weight: Tensor, shape: tuple[int, int], levels: int, seed: int) -> None:
        self.transform = Daubechies2(shape, levels)
        details = torch.ones(shape, dtype=weight.dtype, device=weight.device)
        height, width = self.transform.approximation_shape
        details[:height, :width] = 0
        self.threshold = weight * details
        self.period = 2**levels
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, x: Tensor) -> Tensor:
        dy, dx = self._shift()
        coefficients = self.transform(x.roll((dy, dx), (-2, -1)))
        return self.transform.H(soft_threshold(coefficients, self.threshold)).roll((-dy, -dx), (-2, -1))

    def _shift(self) -> tuple[int, int]:
        dy, dx = torch.randint(self.period, (2,), generator=self.generator).tolist()
        return dy, dx
