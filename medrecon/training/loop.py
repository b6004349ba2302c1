"""The training loop: a budget in seconds or steps, warm-up and decay of the learning rate, checkpoints that resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from torch import Tensor, nn

from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent
from medrecon.training.checkpoint import load_checkpoint, save_checkpoint
from medrecon.training.run import LossOf, Run
from medrecon.training.state import State
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Entry, Watch

WINDOW = 50
"""Steps an entry of the history."""


@dataclass(frozen=True)
class LoopOptions:
    """Budget in seconds of training, or in steps where `steps` is above 0; then every step depends on the seed alone.

    Warm-up is in steps; the rate falls to zero over the last `decay` of the budget; `checkpoint_every` is in seconds.
    """

    seconds: float = 600.0
    steps: int = 0
    learning_rate: float = 4e-4
    warm_up: int = 300
    decay: float = 0.6
    clip: float = 1.0
    horizon: float = 0.05
    checkpoint_every: float = 120.0
    seed: int = 0

    def progress(self, step: int, spent: float) -> float:
        """Share of the budget that is spent."""
        return step / self.steps if self.steps else spent / self.seconds if self.seconds else 1.0


@dataclass
class Trained:
    """What the loop leaves: averaged weights and the history; `interrupted` where the budget was not spent."""

    weights: dict[str, Tensor]
    steps: int
    seconds: float
    history: list[Entry]
    interrupted: bool = False


class Around(TypedDict, total=False):
    """Keyword arguments of a loop around any run, as `spend` takes them."""

    checkpoint: Path | None
    facts: Mapping[str, Any] | None
    team: Team
    watch: Watch
    on_average: Callable[[int, Mapping[str, Tensor]], None] | None
    on_step: OnStep


def train(
    network: nn.Module,
    loss_of: LossOf,
    options: LoopOptions,
    **around: Unpack[Around],
) -> Trained:
    """Minimise `loss_of(generator)` until the budget is spent or `watch.stop` says so.

    Goes on from `checkpoint` if that file exists; then `facts` must be those that it was written with. Each process of
    the team draws from a stream of its own, process 0 from that of a single process. `on_average` takes the place of
    `watch.on_snapshot`. Raises InputError when the loss is not finite; the last good checkpoint stays.
    """
    run = Run.begin(network, options.horizon, options.seed + around.get("team", ALONE).rank)

    def advance(learning_rate: float) -> None:
        run.advance(loss_of, learning_rate, options.clip)

    return spend(run, advance, options, **around)


def spend(
    run: State,
    advance: Callable[[float], None],
    options: LoopOptions,
    *,
    checkpoint: Path | None = None,
    facts: Mapping[str, Any] | None = None,
    team: Team = ALONE,
    watch: Watch = UNWATCHED,
    on_average: Callable[[int, Mapping[str, Tensor]], None] | None = None,
    on_step: OnStep = silent,
) -> Trained:
    """The loop around any run: `advance(learning_rate)` makes one step of it. Arguments and errors as of `train`."""
    known = facts or {}
    if checkpoint is not None and checkpoint.exists():
        load_checkpoint(checkpoint, run, known, team.rank)
        watch.on_resume(run.step)
        watch.on_history(run.history)
    start, saved, shown = time.monotonic() - run.spent, run.spent, run.spent
    first, stopped = True, False
    while not stopped and (progress := options.progress(run.step, run.spent)) < 1:
        advance(options.learning_rate * rate(run.step, progress, options))
        if first:  # compilation is not training
            start, first = time.monotonic() - run.spent, False
        full = len(run.running) == WINDOW
        losses = _finite_losses(run, team, checkpoint) if full else []  # waits for the device: the clock is honest
        run.spent, stop = team.agree([time.monotonic() - start, float(watch.stop())])
        stopped = bool(stop)
        if full:
            loss, *others = losses
            run.history, run.running = [*run.history, Entry(run.spent, run.step, loss, run.learning_rate, *others)], []
            watch.on_history(run.history)
        on_step(_progress(run, options))
        ends = stopped or options.progress(run.step, run.spent) >= 1
        if checkpoint is not None and (ends or run.spent - saved > options.checkpoint_every):
            if run.running:
                _finite_losses(run, team, checkpoint)
            save_checkpoint(checkpoint, run, known, team)
            saved = run.spent
        if on_average is not None and team.rank == 0 and run.spent - shown > watch.snapshot_every:
            before, shown = time.monotonic(), run.spent
            on_average(run.step, run.ema.weights)
            start += time.monotonic() - before
    if run.running:
        _finite_losses(run, team, checkpoint)
    unfinished = stopped and options.progress(run.step, run.spent) < 1
    return Trained(run.ema.weights, run.step, run.spent, run.history, unfinished)


def rate(step: int, progress: float, options: LoopOptions) -> float:
    """Share of the learning rate: linear warm-up, then constant, then half a cosine to zero at progress 1."""
    tail = max(0.0, min(1.0, (progress - 1 + options.decay) / options.decay))
    return min(1.0, (step + 1) / options.warm_up) * 0.5 * (1 + math.cos(math.pi * tail))


def _finite_losses(run: State, team: Team, checkpoint: Path | None) -> list[float]:
    """Mean losses since the last entry over the team; raises InputError if one, or a weight, is not finite."""
    losses = team.mean(run.mean_loss).reshape(-1).tolist()
    if all(math.isfinite(loss) for loss in losses):
        return losses
    kept = checkpoint is not None and checkpoint.exists()
    since = run.history[-1].steps if run.history else 0
    last = f"the last good state is kept in {checkpoint}" if kept else "no checkpoint had been written"
    then = f"go on with --start {checkpoint}, another output and" if kept else "train again with"
    raise InputError(
        f"the loss is not finite between steps {since} and {run.step}; {last}: {then} a lower loop.learning_rate"
    )


def _progress(run: State, options: LoopOptions) -> Progress:
    if options.steps:
        return Progress("training", run.step, options.steps)
    return Progress("training", min(int(run.spent), int(options.seconds)), int(options.seconds))
