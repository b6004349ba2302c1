"""A training run seen from the rim: bar, log, sheets and Ctrl-C around it, weights and validation after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import torch

from medrecon import weights
from medrecon.cli.bar import progress_bar
from medrecon.cli.interrupt import first_interrupt
from medrecon.cli.recipe import Volumes
from medrecon.cli.sheet import Sheets
from medrecon.cli.train_options import TrainMriImage
from medrecon.cli.training_log import CsvLog, TensorBoardLog, together
from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.pack import every_volume, training_volumes
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks import load_prior
from medrecon.networks.load import made_prior
from medrecon.progress import OnStep, silent
from medrecon.training.checkpoint import averaged_weights, is_checkpoint
from medrecon.training.ddgan.ddpm import train_mri_ddpm
from medrecon.training.ddgan.options import MriDdganOptions, MriDdpmOptions
from medrecon.training.ddgan.recipe import train_mri_ddgan
from medrecon.training.ddgan.validation import estimate_errors
from medrecon.training.mri_hfs import train_mri_hfs
from medrecon.training.mri_hfs_options import MriHfsOptions
from medrecon.training.mri_image import TrainedPrior, train_mri_image
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.team import Team
from medrecon.training.validation import ValidationOptions, reconstruction_scores, validate
from medrecon.training.watch import Watch

Recipe = MriImageOptions | MriHfsOptions | MriDdganOptions | MriDdpmOptions
INTERRUPTED = 130
SHEET_VOLUMES = 2


def train_and_store(team: Team, device: torch.device, options: TrainMriImage, recipe: Recipe, where: Volumes) -> int:
    """Train in every process of the team; process 0 writes and prints. Gives the exit code."""
    _settle(device, options)
    volumes = training_volumes(Path(where.train))
    held_out = _held_out(where)
    start, origin = start_of(options.start)
    teacher = load_prior(options.teacher, device) if options.teacher else None
    with _watched(team, device, options, recipe, held_out) as (watch, on_step):
        trained = _trained(
            volumes,
            recipe,
            device,
            teacher,
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
    facts = _facts(trained, recipe, options, device, team.size, origin, teacher)
    sha256 = _store(trained, {**trained.settings, "training": facts}, held_out, options, recipe, device)
    loss = f", last mean loss {trained.run.history[-1].loss:.4f}" if trained.run.history else ""
    print(f"{len(volumes)} volumes, {trained.run.steps} steps in {trained.run.seconds:.0f} s{loss}")
    print(f"wrote {options.out} (sha256 {sha256[:12]}) and {options.out.with_suffix('.csv')}")
    print(f"use it with --prior {options.out}, or keep it by name: medrecon weights add {options.out} --name NAME")
    if options.checkpoint is None:
        options.state.unlink(missing_ok=True)
    return 0


def _trained(
    volumes: Sequence[TrainingVolume],
    recipe: Recipe,
    device: torch.device,
    teacher: Prior | None,
    **run: Any,
) -> TrainedPrior:
    """The prior of any recipe; `run` are the arguments that all share."""
    if isinstance(recipe, MriImageOptions):
        return train_mri_image(volumes, recipe, device, teacher=teacher, **run)
    if teacher is not None:
        raise InputError("this prior learns from images alone; leave --teacher out")
    if isinstance(recipe, MriDdganOptions):
        return train_mri_ddgan(volumes, recipe, device, **run)
    if isinstance(recipe, MriDdpmOptions):
        return train_mri_ddpm(volumes, recipe, device, **run)
    return train_mri_hfs(volumes, recipe, device, **run)


def _settle(device: torch.device, options: TrainMriImage) -> None:
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


def _held_out(where: Volumes) -> list[TrainingVolume]:
    """The held-out part of a pack; all of a pack that has none, or of a folder."""
    if not where.held_out:
        return []
    path = Path(where.held_out)
    volumes = every_volume(path)
    apart = [volume for volume in volumes if volume.split == "held-out"]
    if not apart and path.resolve() == Path(where.train).resolve():
        raise InputError(f"{path} holds nobody out, and --validate would score what is trained on; give other volumes")
    return apart or volumes


def start_of(name: str | None) -> tuple[Mapping[str, torch.Tensor] | None, str | None]:
    """Weights to begin with, and what the record says of them."""
    if name is None:
        return None, None
    if is_checkpoint(Path(name)):
        return averaged_weights(Path(name)), "the average in a checkpoint"
    tensors, _, sha256 = weights.load(name)
    return tensors, f"{Path(name).name}, sha256 {sha256[:12]}"


@contextmanager
def _watched(
    team: Team, device: torch.device, options: TrainMriImage, recipe: Recipe, held_out: list[TrainingVolume]
) -> Iterator[tuple[Watch, OnStep]]:
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
        if options.sheets > 0:
            source = None
            if held_out:
                bank = slice_bank(held_out[:SHEET_VOLUMES]).to(device)
                source = Augmentation(bank, recipe.augmentation, recipe.size)
            sheets = Sheets(options.out.with_name(f"{options.out.stem}-sheets"), source)
            watch = replace(watch, on_snapshot=sheets, snapshot_every=options.sheets)
        else:
            watch = replace(watch, snapshot_every=inf)
        with progress_bar() as on_step:
            yield watch, on_step


def _facts(
    trained: TrainedPrior,
    recipe: Recipe,
    options: TrainMriImage,
    device: torch.device,
    processes: int,
    origin: str | None,
    teacher: Prior | None,
) -> dict[str, Any]:
    """What the weights file says of the run; no seconds where steps are the budget: then the file can be repeated."""
    run = trained.run
    return {
        "network": recipe.network if isinstance(recipe.network, str) else "of its own widths",
        "steps": run.steps,
        "images": run.steps * recipe.batch * processes,
        **({} if recipe.loop.steps else {"seconds": round(run.seconds, 1)}),
        "started_from": origin,
        "teacher": f"{teacher.name}, sha256 {(teacher.sha256 or '')[:12]}" if teacher else None,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "stored": options.storage,
        "final_loss": run.history[-1].loss if run.history else None,
    }


def _store(
    trained: TrainedPrior,
    settings: dict[str, Any],
    held_out: list[TrainingVolume],
    options: TrainMriImage,
    recipe: Recipe,
    device: torch.device,
) -> str:
    """Write the weights, before the validation and again with its figures; gives the sha256."""
    sha256 = weights.save(options.out, trained.weights, settings, options.storage)
    if not held_out:
        return sha256
    prior = made_prior(trained.weights, settings, device, options.out.name, None)
    try:
        found = _scores(prior, held_out, recipe, device)
    except KeyboardInterrupt:
        print("medrecon: validation interrupted; the weights are written without its figures", file=sys.stderr)
        return sha256
    print("held-out volumes: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return weights.save(options.out, trained.weights, {**settings, "validation": found}, options.storage)


def _scores(prior: Prior, held_out: list[TrainingVolume], recipe: Recipe, device: torch.device) -> dict[str, float]:
    """What the recipe is for, on held-out volumes."""
    if isinstance(recipe, MriHfsOptions):
        return reconstruction_scores(prior, held_out, ValidationOptions(method="hfs"), device)
    if isinstance(recipe, MriDdpmOptions):
        return reconstruction_scores(prior, held_out, ValidationOptions(), device)
    if isinstance(recipe, MriDdganOptions):  # a call a level, as a plain denoiser in place of a drawing generator
        calls = ValidationOptions(steps=recipe.diffusion.steps)
        return reconstruction_scores(prior, held_out, calls, device) | estimate_errors(prior, held_out, recipe.size)
    return validate(prior, held_out, ValidationOptions(), recipe.size)
