"""What the recipes of all CT networks share: limits, facts of a run, the network to begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from medrecon.datasets.ct.bank import PairBank
from medrecon.errors import InputError
from medrecon.training.loop import LoopOptions, Trained
from medrecon.training.mri_image import begin_from, initialise
from medrecon.training.team import Team
from medrecon.weights.files import content_digest

LOSSES = ("l1", "mse")
OnAverage = Callable[[int, Mapping[str, Tensor]], None]
"""Called with the step and the averaged weights now and then (`Watch.snapshot_every`), off the clock."""
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class TrainedCt:
    """Averaged weights of the network, and what one must know to use them."""

    weights: dict[str, Tensor]
    settings: dict[str, Any]
    run: Trained


def begun(
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


def run_facts(
    options: Any,
    bank: PairBank,
    start: Mapping[str, Tensor] | None,
    team: Team,
    bfloat16: bool,
) -> dict[str, Any]:
    """What a run must share with its checkpoint to go on from it; how often that is written does not matter."""
    loop = {name: value for name, value in asdict(options.loop).items() if name != "checkpoint_every"}
    return {
        **asdict(options),
        "loop": loop,
        "data": bank.facts,
        "start": None if start is None else content_digest(start, "")[:12],
        "device": bank.device.type,
        "devices": team.size,
        "bfloat16": bfloat16,
    }


def distance(found: Tensor, wanted: Tensor, loss: str) -> Tensor:
    """Mean absolute or mean square error."""
    error = found - wanted
    return error.abs().mean() if loss == "l1" else error.square().mean()


def check_common(size: int, batch: int, multiple: int, loop: LoopOptions, losses: Mapping[str, str]) -> None:
    """Raise InputError for options of which no run can come; `losses` by the name of their option."""
    if size < 1 or size % multiple:
        raise InputError(f"size is {size}; give a multiple of {multiple}, as the network needs")
    positive = {
        "batch": batch,
        "loop.warm_up": loop.warm_up,
        "loop.decay": loop.decay,
        "loop.learning_rate": loop.learning_rate,
        "loop.clip": loop.clip,
    }
    for name, value in positive.items():
        if not value > 0:
            raise InputError(f"{name} is {value}; give a number above 0")
    for name, value in {"loop.seconds": loop.seconds, "loop.steps": loop.steps, "loop.seed": loop.seed}.items():
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} is {value}; give a finite number of at least 0")
    for name, loss in losses.items():
        if loss not in LOSSES:
            raise InputError(f"{name} is '{loss}'; choose {' or '.join(LOSSES)}")


def check_share(**shares: float) -> None:
    """Raise InputError for what is no share from 0 to 1."""
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value}; give a share from 0 to 1")
