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

PARITIES = torch.tensor([(0, 0), (0, 1), (1, 0), (1, 1)])


@final
@dataclass(frozen=True)
class Wavelet(Method):
    """argmin |A u - y|^2 / 2 + weight |details of W u|_1 by FISTA, W a randomly shifted Daubechies-2 transform.

    Lustig et al. 2007; random shifts ("cycle spinning") after Figueiredo and Nowak 2003, four at a time.

    Attributes
    ----------
    weight : None takes `noise_factor * data_sigma`.
    noise_factor : 0.3 and 0.4 share the best mean over the scans of `benchmarks/results/noise_rules.json`.
    iterations : evaluation.md asks for at least 100.
    levels : of the transform; details of 2 to 2^levels pixels are thresholded.
    """

    name: ClassVar[str] = "wavelet"

    weight: float | None = None
    noise_factor: float = 0.3
    iterations: int = 100
    levels: int = 4

    def __post_init__(self) -> None:
        for name in ("iterations", "levels"):
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
        image = rhs
        for i, image in enumerate(islice(fista(lambda u: normal(u) - rhs, prox, rhs), self.iterations)):  # noqa: B007
            on_step(Progress(self.name, i + 1, self.iterations))
        return Solution(samples=image.unsqueeze(0))


class ShiftedWaveletProx:
    """Soft thresholding of the detail coefficients of images `(…, y, x)`, the mean over shifts drawn at each call.

    One shift of each parity, (even, even) to (odd, odd), so that the finest details see every position: momentum
    keeps the noise of a single random shift alive. All slices share the shifts, so that a slice's result does not
    depend on its neighbours. `weight` is `(slice, 1, 1)`; the approximation is left as it is.
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
        images = [self._thresholded(x, shift) for shift in self._shifts()]
        return torch.stack(images).mean(0)

    def _thresholded(self, x: Tensor, shift: tuple[int, int]) -> Tensor:
        coefficients = self.transform(x.roll(shift, (-2, -1)))
        back = (-shift[0], -shift[1])
        return self.transform.H(soft_threshold(coefficients, self.threshold)).roll(back, (-2, -1))

    def _shifts(self) -> list[tuple[int, int]]:
        even = 2 * torch.randint(self.period // 2, (4, 2), generator=self.generator)
        return [(int(y), int(x)) for y, x in (even + PARITIES).tolist()]
