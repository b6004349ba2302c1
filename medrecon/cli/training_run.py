"""An MR training run seen from the rim: the prior of any recipe, sample sheets, and its validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import torch

from medrecon.cli.recipe import Volumes
from medrecon.cli.sheet import Sheets
from medrecon.cli.train_options import TrainMriImage
from medrecon.cli.training_rim import interrupted, run_facts, say_trained, settle, start_of, store, watched
from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.pack import every_volume, training_volumes
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks import load_prior
from medrecon.networks.load import made_prior
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
SHEET_VOLUMES = 2


def train_and_store(team: Team, device: torch.device, options: TrainMriImage, recipe: Recipe, where: Volumes) -> int:
    """Train in every process of the team; process 0 writes and prints. Gives the exit code."""
    settle(device, options)
    volumes = training_volumes(Path(where.train))
    held_out = _held_out(where)
    start, origin = start_of(options.start)
    teacher = load_prior(options.teacher, device) if options.teacher else None
    with watched(team, options) as (watch, on_step):
        trained = _trained(
            volumes,
            recipe,
            device,
            teacher,
            start=start,
            compiled=options.compiled,
            checkpoint=options.state,
            team=team,
            watch=watch if team.rank else _with_sheets(watch, device, options, recipe, held_out),
            on_step=on_step,
        )
    if team.rank:
        return 0
    if trained.run.interrupted:
        return interrupted(trained.run, options)
    settings = {
        **trained.settings,
        "training": {
            "network": recipe.network if isinstance(recipe.network, str) else "of its own widths",
            **run_facts(trained.run, recipe, options, device, team.size),
            "started_from": origin,
            "teacher": f"{teacher.name}, sha256 {(teacher.sha256 or '')[:12]}" if teacher else None,
        },
    }

    def scores() -> dict[str, float]:
        return _scores(made_prior(trained.weights, settings, device, options.out.name, None), held_out, recipe, device)

    sha256 = store(trained.weights, settings, options, scores if held_out else None)
    say_trained(trained.run, len(volumes))
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


def _with_sheets(
    watch: Watch, device: torch.device, options: TrainMriImage, recipe: Recipe, held_out: list[TrainingVolume]
) -> Watch:
    """Sample sheets beside the weights, of held-out images where there are any."""
    if options.sheets <= 0:
        return replace(watch, snapshot_every=inf)
    source = None
    if held_out:
        bank = slice_bank(held_out[:SHEET_VOLUMES]).to(device)
        source = Augmentation(bank, recipe.augmentation, recipe.size)
    sheets = Sheets(options.out.with_name(f"{options.out.stem}-sheets"), source)
    return replace(watch, on_snapshot=sheets, snapshot_every=options.sheets)


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
