"""What surrounds every training run: bar, log and Ctrl-C around it; weights, their facts and validation after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from medrecon import weights
from medrecon.cli.bar import progress_bar
from medrecon.cli.interrupt import first_interrupt
from medrecon.cli.training_log import CsvLog, TensorBoardLog, together
from medrecon.cli.training_start import TrainingOptions
from medrecon.progress import OnStep, silent
from medrecon.training.checkpoint import averaged_weights, is_checkpoint
from medrecon.training.loop import LoopOptions, Trained
from medrecon.training.team import Team
from medrecon.training.watch import Watch

INTERRUPTED = 130


class Recipe(Protocol):
    """What the options of every recipe have."""

    @property
    def batch(self) -> int: ...
    @property
    def loop(self) -> LoopOptions: ...


def settle(device: torch.device, options: TrainingOptions) -> None:
    """Threads as they are asked for, and CUDA set for speed."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


def start_of(name: str | None) -> tuple[Mapping[str, torch.Tensor] | None, str | None]:
    """Weights to begin with, and what the record says of them."""
    if name is None:
        return None, None
    if is_checkpoint(Path(name)):
        return averaged_weights(Path(name)), "the average in a checkpoint"
    tensors, _, sha256 = weights.load(name)
    return tensors, f"{Path(name).name}, sha256 {sha256[:12]}"


@contextmanager
def watched(team: Team, options: TrainingOptions) -> Iterator[tuple[Watch, OnStep]]:
    """What process 0 sees of the run; the others are silent, and none of them ends within a step."""
    with first_interrupt() as asked:
        if team.rank:
            yield Watch(stop=asked), silent
            return
        logs = [CsvLog(options.out.with_suffix(".csv"))]
        logs += [TensorBoardLog(options.tensorboard)] if options.tensorboard is not None else []
        watch = Watch(
            on_resume=lambda step: print(f"going on from {options.state} at step {step}"),
            on_history=together(logs),
            stop=asked,
        )
        with progress_bar() as on_step:
            yield watch, on_step


def interrupted(run: Trained, options: TrainingOptions) -> int:
    """Say how to go on with a run whose budget was not spent; gives the exit code."""
    print(
        f"medrecon: interrupted at step {run.steps}; the state is in {options.state}: "
        "give the same command to go on from there",
        file=sys.stderr,
    )
    return INTERRUPTED


def run_facts(
    run: Trained, recipe: Recipe, options: TrainingOptions, device: torch.device, processes: int
) -> dict[str, Any]:
    """What the weights file says of the run; no seconds where steps are the budget: then the file can be repeated."""
    return {
        "steps": run.steps,
        "images": run.steps * recipe.batch * processes,
        **({} if recipe.loop.steps else {"seconds": round(run.seconds, 1)}),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "stored": options.storage,
        "final_loss": run.history[-1].loss if run.history else None,
    }


def store(
    tensors: Mapping[str, torch.Tensor],
    settings: dict[str, Any],
    options: TrainingOptions,
    scores: Callable[[], dict[str, float]] | None,
) -> str:
    """Write the weights, before the validation by `scores` and again with its figures; gives the sha256."""
    sha256 = weights.save(options.out, tensors, settings, options.storage)
    if scores is None:
        return sha256
    try:
        found = scores()
    except KeyboardInterrupt:
        print("medrecon: validation interrupted; the weights are written without its figures", file=sys.stderr)
        return sha256
    print("held-out volumes: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return weights.save(options.out, tensors, {**settings, "validation": found}, options.storage)


def say_trained(run: Trained, volumes: int) -> None:
    """The line that ends a run."""
    loss = f", last mean loss {run.history[-1].loss:.4f}" if run.history else ""
    print(f"{volumes} volumes, {run.steps} steps in {run.seconds:.0f} s{loss}")
