"""Compressed sensing with wavelets."""

from __future__ import annotations

from dataclasses import dataclass
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
    noise_factor : 0.2 and 0.3 share the best mean over the scans of `benchmarks/results/noise_rules.json.xz`.
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
        shifts = draw_shifts(2**self.levels, self.iterations, seed).to(rhs.device)
        prox = ShiftedWaveletProx(weight, (rhs.shape[-2], rhs.shape[-1]), self.levels, shifts)
        image = rhs
        for i, image in enumerate(fista(lambda u: normal(u) - rhs, prox, rhs, self.iterations)):  # noqa: B007
            on_step(Progress(self.name, i + 1, self.iterations))
        return Solution(samples=image.unsqueeze(0))


def draw_shifts(period: int, count: int, seed: int) -> Tensor:
    """Shifts (y, x) within `period`, an even number, for `count` iterations, `(count, 4, 2)`.

    One of each parity an iteration, (even, even) to (odd, odd), so that the finest details see every position: momentum
    keeps the noise of a single random shift alive.
    """
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randint(period // 2, (count, 4, 2), generator=generator) + PARITIES


class ShiftedWaveletProx:
    """Soft thresholding of the detail coefficients of images `(…, y, x)`, the mean over an iteration's shifts.

    `weight` is `(slice, 1, 1)`; the approximation is left as it is. `shifts` `(iteration, shift, 2)` are a queue,
    carried from call to call: the first of them serve a call and go to its end. All slices share them, so that a
    slice's result does not depend on its neighbours.
    """

    def __init__(self, weight: Tensor, shape: tuple[int, int], levels: int, shifts: Tensor) -> None:
        self.transform, self.shifts = Daubechies2(shape, levels), shifts
        details = torch.ones(shape, dtype=weight.dtype, device=weight.device)
        height, width = self.transform.approximation_shape
        details[:height, :width] = 0
        self.threshold = (weight * details).unsqueeze(-3)

    def __call__(self, x: Tensor, shifts: Tensor | None = None) -> tuple[Tensor, Tensor]:
        shifts = self.shifts if shifts is None else shifts
        now = shifts[0]
        coefficients = self.transform(rolled(x.unsqueeze(-3).expand(*x.shape[:-2], len(now), *x.shape[-2:]), now))
        images = rolled(self.transform.H(soft_threshold(coefficients, self.threshold)), -now)
        return images.mean(-3), shifts.roll(-1, 0)


def rolled(images: Tensor, shifts: Tensor) -> Tensor:
    """`images` `(…, n, y, x)`, each rolled by its own of the shifts (y, x) in `(n, 2)`, a tensor on their device."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=shifts.device) - shifts[:, :1]) % height
    columns = (torch.arange(width, device=shifts.device) - shifts[:, 1:]) % width
    places = (rows[:, :, None] * width + columns[:, None, :]).flatten(-2)
    flat = images.flatten(-2)
    return flat.gather(-1, places.expand_as(flat)).view(images.shape)
