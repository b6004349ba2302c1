"""When a slice's adaptation ends, and which of its iterates is kept: E1, E2 and E3 of specification A.7."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.misfit import Losses


class Watch(NamedTuple):
    """What is known of every slice so far, `(n,)` each.

    Attributes
    ----------
    score : of the iterate that is kept.
    since : iterates since then.
    kept : number of that iterate, from 0, the network as it was trained.
    running : False once the slice has stopped; nothing is kept from then on.
    """

    score: Tensor
    since: Tensor
    kept: Tensor
    running: Tensor

    @staticmethod
    def begin(n: int, device: torch.device) -> Watch:
        whole = torch.zeros(n, dtype=torch.int32, device=device)
        return Watch(torch.full((n,), torch.inf, device=device), whole, whole.clone(), whole == 0)


class StopRule(ABC):
    """`after(losses, number, watch)` looks at iterate `number`; on the device, nothing waits for it."""

    withholds: ClassVar[bool] = False

    @abstractmethod
    def score(self, losses: Losses) -> Tensor:
        """`(n,)`, the lower the better."""

    @abstractmethod
    def better(self, score: Tensor, watch: Watch) -> Tensor:
        """`(n,)` bool: whether the iterate is to be kept."""

    @abstractmethod
    def goes_on(self, losses: Losses, since: Tensor) -> Tensor:
        """`(n,)` bool: whether to go on, `since` iterates after the one that is kept."""

    @final
    def after(self, losses: Losses, number: Tensor, watch: Watch) -> tuple[Watch, Tensor]:
        """The watch with this iterate in it, and `(n,)` bool, which slices keep it."""
        score = self.score(losses)
        keeps = watch.running & self.better(score, watch)
        since = torch.where(keeps, torch.zeros_like(watch.since), watch.since + 1)
        return Watch(
            torch.where(keeps, score, watch.score),
            since,
            torch.where(keeps, number.to(watch.kept.dtype), watch.kept),
            watch.running & self.goes_on(losses, since),
        ), keeps


@final
@dataclass(frozen=True)
class Count(StopRule):
    """E1: the last of a fixed number of iterates."""

    def score(self, losses: Losses) -> Tensor:
        return losses.fit

    def better(self, score: Tensor, watch: Watch) -> Tensor:  # noqa: ARG002
        return torch.ones_like(watch.running)

    def goes_on(self, losses: Losses, since: Tensor) -> Tensor:  # noqa: ARG002
        return torch.ones_like(since, dtype=torch.bool)


@final
@dataclass(frozen=True)
class HoldOut(StopRule):
    """E2: stop once withheld samples have not been foretold better by the share `gain` for `patience` iterates."""

    withholds: ClassVar[bool] = True

    patience: int = 20
    gain: float = 1e-3

    def score(self, losses: Losses) -> Tensor:
        return losses.held

    def better(self, score: Tensor, watch: Watch) -> Tensor:
        return score < (1 - self.gain) * watch.score

    def goes_on(self, losses: Losses, since: Tensor) -> Tensor:  # noqa: ARG002
        return since < self.patience


@final
@dataclass(frozen=True)
class Discrepancy(StopRule):
    """E3: stop where the data are explained to `excess` times the power of their noise (Morozov 1966)."""

    excess: float = 1.05

    def score(self, losses: Losses) -> Tensor:
        return losses.fit

    def better(self, score: Tensor, watch: Watch) -> Tensor:  # noqa: ARG002
        return torch.ones_like(watch.running)

    def goes_on(self, losses: Losses, since: Tensor) -> Tensor:  # noqa: ARG002
        return losses.fit_power > self.excess * losses.noise_power
