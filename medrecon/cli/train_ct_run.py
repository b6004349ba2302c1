"""A CT training run seen from the rim: its pairs of low and full dose, and its validation in HU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from medrecon import weights
from medrecon.cli.recipe import Volumes
from medrecon.cli.train_ct_options import TrainCt
from medrecon.cli.training_rim import interrupted, run_facts, say_trained, settle, start_of, store, watched
from medrecon.datasets.ct.bank import PairBank, PairOptions
from medrecon.datasets.ct.held_out import HeldOutOptions, held_out_pairs
from medrecon.datasets.ct.noise import NoiseOptions
from medrecon.datasets.ct.pack import read_ct_pack
from medrecon.datasets.ct.phantoms import phantom_volumes
from medrecon.errors import InputError
from medrecon.networks.ct.load import load_ct
from medrecon.training.ct.train import Recipe, held_out_rmse, train_ct, trained_prior, works_in_latents
from medrecon.training.team import Team

DEFAULT_CODEC = "ct-codec"


def train_and_store(team: Team, device: torch.device, options: TrainCt, recipe: Recipe, where: Volumes) -> int:
    """Train in every process of the team; process 0 writes and prints. Gives the exit code."""
    settle(device, options)
    volumes = read_ct_pack(Path(where.train), "train")
    held_out = read_ct_pack(Path(where.held_out), "held-out") if where.held_out else []
    codec = load_ct(options.codec or DEFAULT_CODEC, device) if works_in_latents(recipe) else None
    start, origin = start_of(options.start)
    with watched(team, options) as (watch, on_step):
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
        return interrupted(trained.run, options)
    facts = {**run_facts(trained.run, recipe, options, device, team.size), "started_from": origin}
    settings = {**trained.settings, "training": facts}

    def scores() -> dict[str, float]:
        prior = trained_prior(weights.load(options.out)[0], settings, device, options.out.name, codec)
        return held_out_rmse(prior, held_out_pairs(held_out, HeldOutOptions(canvas=_canvas(held_out)), device))

    sha256 = store(trained.weights, settings, options, scores if held_out else None)
    say_trained(trained.run, len(volumes))
    log = f" and {options.out.with_suffix('.csv')}" if trained.run.history else ""
    print(f"wrote {options.out} (sha256 {sha256[:12]}){log}")
    print(f"keep it by name: medrecon weights add {options.out} --name NAME")
    if options.checkpoint is None:
        options.state.unlink(missing_ok=True)
    return 0


def _canvas(volumes: list[Any]) -> int:
    """Pixels a side that every slice fits on: the largest of them, at most 512."""
    return min(512, max(max(volume.values.shape[1:]) for volume in volumes))
