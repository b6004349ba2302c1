"""Checkpoints as safetensors: weights, average, optimiser and random state, so that training resumes where it was."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from medrecon.atomic import whole_file
from medrecon.training.ema import EMA

Clock = tuple[int, float, list[tuple[float, int, float]]]


def save_checkpoint(
    path: Path,
    network: nn.Module,
    ema: EMA,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    clock: Clock,
) -> None:
    """Write the whole state; `clock` is (step, seconds spent, history)."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in ema.weights.items()}
    for i, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{i}.{k}": v for k, v in state.items()}
    tensors["generator"] = generator.get_state()
    held = {k: v.detach().contiguous().cpu() for k, v in tensors.items()}
    with whole_file(path) as partial:
        save_file(held, partial, {"clock": json.dumps(clock)})


def load_checkpoint(
    path: Path, network: nn.Module, ema: EMA, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> Clock:
    """Restore everything in place and return the clock."""
    with safe_open(path, "pt") as file:
        clock = json.loads(file.metadata()["clock"])
        tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    network.load_state_dict(_under(tensors, "network."))
    ema.load(_under(tensors, "ema."))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in _under(tensors, "optimiser.").items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    generator.set_state(tensors["generator"])
    step, spent, history = clock
    return step, spent, [(s, n, loss) for s, n, loss in history]


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
