"""`medrecon train ct-codec|ct-cold|ct-ddpm|ct-regression`: the CT networks from a pack of clinical slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medrecon.cli.device import resolve
from medrecon.cli.parse import parse
from medrecon.cli.train import SHORT
from medrecon.cli.train_ct_options import TrainCt
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.cli.recipe import Volumes
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
    recipe, where = _recipe(options, given, command, default)
    _check(options, recipe)
    device = resolve(options.device, options.threads)
    from medrecon.cli.train_ct_run import train_and_store
    from medrecon.training.team import ALONE

    if options.devices == 1:
        return train_and_store(ALONE, device, options, recipe, where)
    if device.index is not None:
        raise InputError(f"--device {device} is one device, but --devices is {options.devices}; leave one of them out")
    from medrecon.cli.interrupt import first_interrupt
    from medrecon.training.launch import launch

    with first_interrupt():  # the other processes hear of it, and end at a step
        return launch(train_and_store, options.devices, device.type, options, recipe, where)


def _recipe(options: TrainCt, given: dict[str, Any], command: str, default: Recipe) -> tuple[Recipe, Volumes]:
    """What is to be trained on what: command line over config over defaults."""
    from medrecon.cli.recipe import Volumes, read_recipe
    from medrecon.training.config import merged, nested

    for option, key in SHORT.items():
        value = getattr(options, option, None)
        if value is not None:
            given = merged(given, nested(key, value))
    budget = given.get("loop", {})
    if "seconds" in budget and "steps" in budget:
        raise InputError("--seconds and --steps are two budgets; give one of them")
    if "seconds" in budget:  # also over a config's steps
        given = merged(given, nested("loop.steps", 0))
    try:
        recipe, named = read_recipe(default, options.config, given)
    except ValueError as error:  # of a network that cannot be
        raise InputError(f"the network cannot be built: {error}") from None
    pack = str(options.data or named.train)
    if pack in ("", "."):
        raise InputError(f"no volumes to train on; give --data PACK; see medrecon {command} --help")
    return recipe, Volumes(pack, str(options.validate or named.held_out))


def _check(options: TrainCt, recipe: Recipe) -> None:
    from medrecon.cli.training_log import check_tensorboard
    from medrecon.io import check_writable
    from medrecon.training.ct.train import check_recipe

    check_recipe(recipe)
    check_writable(options.out, (".safetensors",))
    if not (recipe.loop.steps or recipe.loop.seconds):
        raise InputError("--seconds is 0; give a positive number, or --steps")
    for name in ("devices", "realisations"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}; give at least 1")
    if options.phantoms < 0:
        raise InputError(f"--phantoms is {options.phantoms}; give 0 or more")
    if options.checkpoint is not None and not options.checkpoint.parent.is_dir():
        raise InputError(f"--checkpoint {options.checkpoint}: its folder does not exist; create it first")
    if options.state.resolve() == options.out.resolve():
        raise InputError(f"--checkpoint {options.checkpoint} is the output as well; give it a name of its own")
    if options.tensorboard is not None:
        check_tensorboard()
