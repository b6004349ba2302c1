"""The training loop: a time budget, warm-up and decay of the learning rate, EMA, checkpoints that resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from medrecon.progress import OnStep, Progress, silent
from medrecon.training.checkpoint import load_checkpoint, save_checkpoint
from medrecon.training.ema import EMA

LossOf = Callable[[torch.Generator], Tensor]


@dataclass(frozen=True)
class LoopOptions:
    """Budget in seconds of training; warm-up in steps; the rate falls to zero over the last `decay` of the budget."""

    seconds: float = 600.0
    learning_rate: float = 4e-4
    warm_up: int = 300
    decay: float = 0.6
    clip: float = 1.0
    horizon: float = 0.05
    checkpoint_every: float = 120.0
    seed: int = 0


@dataclass
class Trained:
    """What the loop leaves: averaged weights and a history of (seconds, steps, mean loss)."""

    weights: dict[str, Tensor]
    steps: int
    seconds: float
    history: list[tuple[float, int, float]]


def train(
    network: nn.Module,
    loss_of: LossOf,
    options: LoopOptions,
    *,
    checkpoint: Path | None = None,
    on_step: OnStep = silent,
) -> Trained:
    """Minimise `loss_of(generator)` until the budget is spent; continues from `checkpoint` if that file exists."""
    device = next(network.parameters()).device
    generator = torch.Generator(device).manual_seed(options.seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.0, betas=(0.9, 0.99), fused=device.type == "cuda")
    ema = EMA(network, options.horizon)
    step, spent, history = 0, 0.0, []
    if checkpoint is not None and checkpoint.exists():
        step, spent, history = load_checkpoint(checkpoint, network, ema, optimiser, generator)
    start, saved, running, first = time.monotonic() - spent, spent, [], True
    while spent < options.seconds:
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * rate(step, spent / options.seconds, options)
        loss = loss_of(generator)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), options.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
        ema.update(network, step)
        running.append(loss.detach())
        if first:  # compilation is not training
            start, first = time.monotonic() - spent, False
        spent = time.monotonic() - start
        if len(running) == 50:
            spent, history, running = _record(start, step, history, running)
            on_step(Progress("training", min(int(spent), int(options.seconds)), int(options.seconds)))
        if checkpoint is not None and spent - saved > options.checkpoint_every:
            save_checkpoint(checkpoint, network, ema, optimiser, generator, (step, spent, history))
            saved = spent
    return Trained(ema.weights, step, spent, history)


def rate(step: int, progress: float, options: LoopOptions) -> float:
    """Share of the learning rate: linear warm-up, then constant, then half a cosine to zero at progress 1."""
    tail = max(0.0, min(1.0, (progress - 1 + options.decay) / options.decay))
    return min(1.0, (step + 1) / options.warm_up) * 0.5 * (1 + math.cos(math.pi * tail))


def _record(
    start: float, step: int, history: list[tuple[float, int, float]], running: list[Tensor]
) -> tuple[float, list[tuple[float, int, float]], list[Tensor]]:
    """One entry of the history; reading the losses also waits for the device, so that the clock is honest."""
    mean = float(torch.stack(running).mean())
    spent = time.monotonic() - start
    return spent, [*history, (spent, step, mean)], []
