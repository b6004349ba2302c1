"""The loop of the published score-based reconstructions: corrector and predictor at each time (specification 1.5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.langevin import norm
from medrecon.diffusion.sampler import CHECK_EVERY, NonFiniteError
from medrecon.progress import OnStep, Progress, silent
from medrecon.replay import Replay, Tensors

GROWN = 100.0
"""Times its first norm that an image may reach before it counts as diverged."""
Noise = Callable[[Tensor], Tensor]


class Chain(ABC):
    """What one published method does at a time t; images `(slice, …)` whose slices never influence each other.

    times : `(steps,)` from the first one down.
    """

    times: Tensor

    @abstractmethod
    def start(self, z: Tensor) -> Tensor:
        """Where the chain begins, from white noise of its shape."""

    @abstractmethod
    def corrected(self, x: Tensor, t: Tensor, z: Tensor) -> Tensor:
        """One Langevin step at t."""

    @abstractmethod
    def predicted(self, x: Tensor, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """(x at the next time, the same without fresh noise)."""


@final
class PredictorCorrector:
    """Walks a chain; the last predictor's mean is the image. Two network calls a step.

    `noise(i)` gives the i-th white noise, a 0-d int32 tensor. On CUDA all steps but the first are one recorded graph.
    Raises NonFiniteError, an InputError, with the last finite mean where an image is not finite, or has grown to
    `GROWN` times its first size: norm-balanced guidance knows no bound.
    """

    def __init__(self, chain: Chain, noise: Noise, name: str) -> None:
        self.chain, self.noise, self.name = chain, noise, name

    def __call__(self, on_step: OnStep = silent) -> Tensor:
        """The images `(slice, …)` at the end of the chain."""
        times = self.chain.times
        steps = len(times)
        numbers = torch.arange(2 * steps + 1, dtype=torch.int32, device=times.device)
        x = mean = kept = self.chain.start(self.noise(numbers[0]))
        limit, replayed = GROWN * norm(x), Replay(self._step)
        for i in range(steps):
            step = replayed if i else self._step
            x, mean, kept = step(x, kept, limit, times[i], numbers[2 * i + 1], numbers[2 * i + 2])
            last = i == steps - 1
            if last or i % CHECK_EVERY == CHECK_EVERY - 1:
                self._check(mean, kept, limit, i + 1)
            on_step(Progress("sampling", i + 1, steps))
        return mean.clone()

    def _step(self, x: Tensor, kept: Tensor, limit: Tensor, t: Tensor, first: Tensor, second: Tensor) -> Tensors:
        x = self.chain.corrected(x, t, self.noise(first))
        x, mean = self.chain.predicted(x, t, self.noise(second))
        return x, mean, torch.where(norm(mean) <= limit, mean, kept)

    def _check(self, mean: Tensor, kept: Tensor, limit: Tensor, step: int) -> None:
        bad = (~(norm(mean) <= limit)).flatten().nonzero().flatten().tolist()
        if bad:
            raise NonFiniteError(
                f"{self.name} diverged by step {step} of {len(self.chain.times)} in slice {bad[0]} of the batch of "
                f"{len(mean)}; give a lower snr, predictor-weight or corrector-weight",
                kept.clone(),
            )
