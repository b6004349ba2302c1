"""What the published forms share: predictor-corrector chains guided by a norm-balanced gradient, to be measured.

Specification 1.4-1.6. Norms are each image's own, where the released codes take one of the whole batch. Times and
levels belong to the originals' units, k / (1.5 std(k)): a slice's deviation is taken from the sampled centre, where
they take it from the fully sampled scan, which no one has.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.crop import centred
from medrecon.diffusion.predictor_corrector import Chain, PredictorCorrector
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.rescaled import rescaled
from medrecon.diffusion.sampler import NonFiniteError
from medrecon.diffusion.streams import Streams
from medrecon.errors import InputError
from medrecon.mri.drawing import images_together
from medrecon.mri.method import Method, Solution
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent


@dataclass(frozen=True)
class Published(Method):
    """Options of the predictor-corrector methods; the defaults are those of the released codes.

    steps : times, two network calls each.
    samples : draws a slice; the image is their mean.
    snr : size of a Langevin step; its square is the share by which the corrector makes the variance too large.
    predictor_weight : of the data's gradient against the score in the predictor, lambda_p.
    corrector_weight : the same in the corrector, lambda_c.
    batch : images a network call on CUDA; on the CPU always one.
    """

    needs_prior: ClassVar[bool] = True

    steps: int = 1000
    samples: int = 1
    snr: float = 0.16
    predictor_weight: float = 1.0
    corrector_weight: float = 1.0
    batch: int = 16

    @property
    def calls(self) -> int:
        """Network calls a slice, all samples together."""
        return 2 * self.steps * self.samples

    @abstractmethod
    def chain(self, problem: Problem, prior: Prior) -> tuple[Chain, tuple[int, ...]]:
        """The chain of one batch of images, in the originals' units, and the state's shape (…, y, x) of a slice."""

    def combined(self, state: Tensor, problem: Problem) -> Tensor:  # noqa: ARG002
        """The image `(slice, y, x)` of a state."""
        return state

    @final
    def solve(
        self, problem: Problem, *, prior: Prior | None = None, seed: int = 0, on_step: OnStep = silent
    ) -> Solution:
        """Draw `samples` images of every slice.

        Raises InputError on options out of range or without a prior, and its NonFiniteError where a chain diverges.
        """
        if prior is None:
            raise InputError(f"{self.name} needs a prior and got none; name one with --prior")
        images = problem.kspace.new_empty((self.samples, *problem.image_shape))
        size = images_together(self.batch, problem.device)
        parts = [
            (slice(a, min(a + size, problem.n_slices)), k)
            for a in range(0, problem.n_slices, size)
            for k in range(self.samples)
        ]
        with torch.no_grad():
            for n, (slices, sample) in enumerate(parts):
                part = problem.select(slices)
                drawn = self._draw(part, prior, seed, sample, _part_of(on_step, n, len(parts)))
                images[sample, slices] = self.combined(drawn, part)
        return Solution(images, calls=self.calls)

    def _draw(self, problem: Problem, prior: Prior, seed: int, sample: int, on_step: OnStep) -> Tensor:
        """The state at the end of the chain `(slice, …)`, in the Problem's units."""
        unit = units(problem)
        chain, shape = self.chain(_scaled(problem, unit), rescaled(prior, unit[:, None, None]))
        who = [sample] * problem.n_slices
        streams = Streams(seed, problem.case, problem.slice_ids, who).to(problem.device)
        rows = (math.prod(shape[:-1]), shape[-1])

        def noise(step: Tensor) -> Tensor:
            return streams.normal(step, rows).unflatten(1, shape[:-1])

        try:
            return PredictorCorrector(chain, noise, self.name)(on_step) / _over(unit, shape)
        except NonFiniteError as diverged:
            image = self.combined(diverged.image / _over(unit, shape), problem)
            raise NonFiniteError(str(diverged), image) from None

    def __post_init__(self) -> None:
        for field in ("steps", "samples", "batch"):
            if getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)}; give a whole number of at least 1")
        for field in ("snr", "predictor_weight", "corrector_weight"):
            if not 0 <= getattr(self, field) < math.inf:
                raise InputError(f"{field} is {getattr(self, field)}; give a number of at least 0")


def units(problem: Problem) -> Tensor:
    """`(slice,)` factors from the Problem's units to those of the originals, the centre standing for all of k-space."""
    rows, columns = (centred(n, size) for n, size in zip(problem.mask.shape, problem.acs, strict=True))
    power = problem.kspace[..., rows, columns].abs().square().sum((1, 2, 3)) / problem.kspace[0].numel()
    return 1 / (1.5 * power.clamp(min=torch.finfo(power.dtype).tiny).sqrt())


def _scaled(problem: Problem, unit: Tensor) -> Problem:
    kspace = problem.kspace * unit[:, None, None, None]
    return replace(problem, kspace=kspace, noise=unit * problem.noise, model_error=unit * problem.model_error)


def _over(unit: Tensor, shape: tuple[int, ...]) -> Tensor:
    return unit.reshape(-1, *(1 for _ in shape))


def _part_of(on_step: OnStep, part: int, parts: int) -> OnStep:
    """Progress of one batch as progress of all."""
    return lambda p: on_step(Progress(p.stage, part * p.total + p.done, parts * p.total))
