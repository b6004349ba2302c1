"""A CT training run seen from the rim: bar, log and Ctrl-C around it, weights and validation after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from medrecon import weights
from medrecon.cli.bar import progress_bar
from medrecon.cli.interrupt import first_interrupt
from medrecon.cli.recipe import Volumes
from medrecon.cli.train_ct_options import TrainCt
from medrecon.cli.training_log import CsvLog, TensorBoardLog, together
from medrecon.cli.training_run import INTERRUPTED, start_of
from medrecon.datasets.ct.bank import PairBank, PairOptions
from medrecon.datasets.ct.held_out import HeldOutOptions, HeldOutPairs, held_out_pairs
from medrecon.datasets.ct.noise import NoiseOptions
from medrecon.datasets.ct.pack import read_ct_pack
from medrecon.datasets.ct.phantoms import phantom_volumes
from medrecon.errors import InputError
from medrecon.networks.ct.load import CtPrior, load_ct
from medrecon.progress import OnStep, silent
from medrecon.training.ct.recipe import TrainedCt
from medrecon.training.ct.train import Recipe, held_out_rmse, train_ct, trained_prior, works_in_latents
from medrecon.training.team import Team
from medrecon.training.watch import Watch

DEFAULT_CODEC = "ct-codec"


def train_and_store(team: Team, device: torch.device, options: TrainCt, recipe: Recipe, where: Volumes) -> int:
    """Train in every process of the team; process 0 writes and prints. Gives the exit code."""
    _settle(device, options)
    volumes = read_ct_pack(Path(where.train), "train")
    held_out = read_ct_pack(Path(where.held_out), "held-out") if where.held_out else []
    codec = load_ct(options.codec or DEFAULT_CODEC, device) if works_in_latents(recipe) else None
    start, origin = start_of(options.start)
    with _watched(team, options) as (watch, on_step):
        phantoms = phantom_volumes(options.phantoms, recipe.loop.seed)
        pairs = PairOptions(NoiseOptions(options.realisations), phantoms=options.phantoms, canvas=_canvas(volumes))
        try:
            bank = PairBank([*volumes, *phantoms], pairs, device, recipe.loop.seed, on_step=on_step)
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"out of memory on {device} with the noise of {options.realisations} realisations; give fewer "
                "--realisations"
            ) from error
        trained = train_ct(
            bank,
            recipe,
            codec,
            start=start,
            compiled=options.compiled,
            checkpoint=options.state,
            team=team,
            watch=watch,
            on_step=on_step,
        )
    if team.rank:
        return 0
    if trained.run.interrupted:
        print(
            f"medrecon: interrupted at step {trained.run.steps}; the state is in {options.state}: "
            "give the same command to go on from there",
            file=sys.stderr,
        )
        return INTERRUPTED
    settings = {**trained.settings, "training": _facts(trained, recipe, options, device, team.size, origin)}
    sha256 = _store(trained, settings, options, device, codec, _pairs(held_out, device))
    loss = f", last mean loss {trained.run.history[-1].loss:.4f}" if trained.run.history else ""
    print(f"{len(volumes)} volumes, {trained.run.steps} steps in {trained.run.seconds:.0f} s{loss}")
    log = f" and {options.out.with_suffix('.csv')}" if trained.run.history else ""
    print(f"wrote {options.out} (sha256 {sha256[:12]}){log}")
    print(f"keep it by name: medrecon weights add {options.out} --name NAME")
    if options.checkpoint is None:
        options.state.unlink(missing_ok=True)
    return 0


def _settle(device: torch.device, options: TrainCt) -> None:
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


def _canvas(volumes: list[Any]) -> int:
    """Pixels a side that every slice fits on: the largest of them, at most 512."""
    return min(512, max(max(volume.values.shape[1:]) for volume in volumes))


def _pairs(held_out: list[Any], device: torch.device) -> HeldOutPairs | None:
    if not held_out:
        return None
    return held_out_pairs(held_out, HeldOutOptions(canvas=_canvas(held_out)), device)


@contextmanager
def _watched(team: Team, options: TrainCt) -> Iterator[tuple[Watch, OnStep]]:
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


def _facts(
    trained: TrainedCt, recipe: Recipe, options: TrainCt, device: torch.device, processes: int, origin: str | None
) -> dict[str, Any]:
    """What the weights file says of the run; no seconds where steps are the budget: then the file can be repeated."""
    run = trained.run
    return {
        "steps": run.steps,
        "images": run.steps * recipe.batch * processes,
        **({} if recipe.loop.steps else {"seconds": round(run.seconds, 1)}),
        "started_from": origin,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "stored": options.storage,
        "final_loss": run.history[-1].loss if run.history else None,
    }


def _store(
    trained: TrainedCt,
    settings: dict[str, Any],
    options: TrainCt,
    device: torch.device,
    codec: CtPrior | None,
    pairs: HeldOutPairs | None,
) -> str:
    """Write the weights, before the validation and again with its figures; gives the sha256."""
    sha256 = weights.save(options.out, trained.weights, settings, options.storage)
    if pairs is None:
        return sha256
    prior = trained_prior(weights.load(options.out)[0], settings, device, options.out.name, codec)
    try:
        found = held_out_rmse(prior, pairs)
    except KeyboardInterrupt:
        print("medrecon: validation interrupted; the weights are written without its figures", file=sys.stderr)
        return sha256
    print("held-out volumes: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return weights.save(options.out, trained.weights, {**settings, "validation": found}, options.storage)
