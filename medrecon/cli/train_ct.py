"""`medrecon train ct-codec|ct-cold|ct-ddpm|ct-regression`: the CT networks from a pack of clinical slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medrecon.cli.device import resolve
from medrecon.cli.parse import parse
from medrecon.cli.train_ct_options import TrainCt
from medrecon.cli.training_start import check_run, launched, recipe_of
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.training.ct.train import Recipe

EVERY_KEY = """Low doses are simulated before training. Every key of the config is an option as well, and wins."""
CODEC = f"""Train the codec of cold-latent on CT slices of full and low dose, until the budget is spent. {EVERY_KEY}

medrecon train ct-codec --data ct.h5 -o codec.safetensors --seconds 1200"""
COLD = f"""Train the network of cold diffusion in the latents of a codec, or on pixels, until the budget is
spent. {EVERY_KEY}

medrecon train ct-cold --data ct.h5 --codec codec.safetensors -o cold.safetensors --seconds 1200

medrecon train ct-cold --config configs/ct-cold.toml --data ct.h5 --network.space unshuffle --loop.steps 20000"""
DDPM = f"""Train the conditional DDPM, a control, until the budget is spent. {EVERY_KEY}

medrecon train ct-ddpm --data ct.h5 -o ddpm.safetensors --seconds 1200"""
REGRESSION = f"""Train a network that restores in one step, a control: the network of cold diffusion, or RED-CNN.
{EVERY_KEY}

medrecon train ct-regression --data ct.h5 --codec codec.safetensors -o one.safetensors --seconds 1200

medrecon train ct-regression --config configs/ct-regression.toml --data ct.h5 -o red.safetensors"""


def run_codec(argv: Sequence[str]) -> int:
    """Train a codec."""
    from medrecon.training.ct.options import CtCodecOptions

    return _run(argv, "train ct-codec", CODEC, CtCodecOptions())


def run_cold(argv: Sequence[str]) -> int:
    """Train a network of cold diffusion."""
    from medrecon.training.ct.options import CtColdOptions

    return _run(argv, "train ct-cold", COLD, CtColdOptions())


def run_ddpm(argv: Sequence[str]) -> int:
    """Train a DDPM."""
    from medrecon.training.ct.options import CtDdpmOptions

    return _run(argv, "train ct-ddpm", DDPM, CtDdpmOptions())


def run_regression(argv: Sequence[str]) -> int:
    """Train a one-step control."""
    from medrecon.training.ct.options import CtRegressionOptions

    return _run(argv, "train ct-regression", REGRESSION, CtRegressionOptions())


def _run(argv: Sequence[str], command: str, description: str, default: Recipe) -> int:
    """Train, then write weights with their settings; raises InputError before the run for what cannot work."""
    from medrecon.cli.recipe import dotted

    plain, given = dotted(argv)
    options = parse(TrainCt, plain, command, description)
    recipe, where = recipe_of(options, given, command, default, "PACK")
    _check(options, recipe)
    device = resolve(options.device, options.threads)
    from medrecon.cli.train_ct_run import train_and_store

    return launched(train_and_store, device, options, recipe, where)


def _check(options: TrainCt, recipe: Recipe) -> None:
    from medrecon.training.ct.train import check_recipe

    check_recipe(recipe)
    check_run(options, recipe.loop)
    if options.realisations < 1:
        raise InputError(f"--realisations is {options.realisations}; give at least 1")
    if options.phantoms < 0:
        raise InputError(f"--phantoms is {options.phantoms}; give 0 or more")
