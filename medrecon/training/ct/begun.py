"""A CT network that is about to be trained: what its recipe begins from and what stands around its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypedDict, TypeVar, final

import torch
from torch import Tensor, nn

from medrecon.datasets.ct.bank import PairBank
from medrecon.errors import InputError
from medrecon.progress import OnStep
from medrecon.training.loop import LoopOptions, Trained, train
from medrecon.training.mri_image import begin_from, initialise, recipe_facts
from medrecon.training.run import LossOf
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import Watch
from medrecon.weights.files import content_digest

Network = TypeVar("Network", bound=nn.Module)
OnAverage = Callable[[int, Mapping[str, Tensor]], None]
"""Called with the step and the averaged weights now and then (`Watch.snapshot_every`), off the clock."""


class CtArguments(TypedDict, total=False):
    """Keyword arguments of every CT recipe: those of `train_mri_image`, and averages go to `on_average`."""

    start: Mapping[str, Tensor] | None
    compiled: bool
    bfloat16: bool | None
    checkpoint: Path | None
    team: Team
    watch: Watch
    on_average: OnAverage | None
    on_step: OnStep


class CtOptions(Protocol):
    """What the options of every CT recipe have."""

    @property
    def loop(self) -> LoopOptions: ...


@final
class Begun(Generic[Network]):
    """`network` on the bank's device, and `runner`, what a step calls: the network compiled, and shared by a team.

    Raises InputError for a `start` of another network, and under `vectors_only` for none.
    """

    def __init__(
        self,
        bank: PairBank,
        options: CtOptions,
        bare: Network,
        given: CtArguments,
        *,
        vectors_only: bool = False,
        **facts: Any,
    ) -> None:
        self._loop, self._device = options.loop, bank.device
        start, team, half = given.get("start"), given.get("team", ALONE), given.get("bfloat16")
        self._half = bank.device.type == "cuda" if half is None else half
        self._facts = _run_facts(options, bank, start, team, self._half) | facts
        own = ("start", "compiled", "bfloat16")
        self._around: dict[str, Any] = {name: value for name, value in given.items() if name not in own}
        self.network = _begun(bare, options.loop.seed, start, bank.device, vectors_only)
        self.runner: nn.Module = team.share(
            torch.compile(self.network) if given.get("compiled") else self.network  # type: ignore[arg-type]
        )

    def autocast(self, cached: bool = True) -> torch.autocast:
        """bfloat16 where the run is in it, with or without a cache of cast weights."""
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._half, cache_enabled=cached)

    def train(self, loss_of: LossOf) -> Trained:
        """Minimise `loss_of(generator)` until the budget is spent; raises InputError as `loop.train` does."""
        return train(self.network, loss_of, self._loop, facts=self._facts, **self._around)


def _begun(
    network: Network,
    seed: int,
    start: Mapping[str, Tensor] | None,
    device: torch.device,
    vectors_only: bool = False,
) -> Network:
    """The network with weights drawn from the seed, or with those of an earlier run, on its device.

    Under `vectors_only` tensors of two axes and more are held as they are; raises InputError without a `start` then.
    """
    initialise(network, seed)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        begin_from(network, start)
    elif vectors_only:
        raise InputError("vectors_only goes on from a trained network and got none; give --start NAME|FILE")
    if vectors_only:
        for weight in network.parameters():
            weight.requires_grad_(weight.ndim < 2)
    return network


def _run_facts(
    options: Any,
    bank: PairBank,
    start: Mapping[str, Tensor] | None,
    team: Team,
    bfloat16: bool,
) -> dict[str, Any]:
    """What a run must share with its checkpoint to go on from it."""
    return {
        **recipe_facts(options),
        "data": bank.facts,
        "start": None if start is None else content_digest(start, "")[:12],
        "device": bank.device.type,
        "devices": team.size,
        "bfloat16": bfloat16,
    }
