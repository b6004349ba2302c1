"""`medrecon train mri-image`, `mri-hfs`, `mri-ddgan` and `mri-ddpm`: the priors from magnitude volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medrecon.cli.device import resolve
from medrecon.cli.parse import parse
from medrecon.cli.train_options import TrainMriImage
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.cli.recipe import Volumes
    from medrecon.training.ddgan.options import MriDdganOptions, MriDdpmOptions
    from medrecon.training.mri_hfs_options import MriHfsOptions
    from medrecon.training.mri_image_options import MriImageOptions

    Recipe = MriImageOptions | MriHfsOptions | MriDdganOptions | MriDdpmOptions

IMAGE, HFS, DDGAN, DDPM = "train mri-image", "train mri-hfs", "train mri-ddgan", "train mri-ddpm"
DESCRIPTION = """Train the image prior of dds and spirit on magnitude volumes, until the budget in seconds or steps is
spent. Every key of the config is an option as well, and wins: --loop.learning-rate 2e-4, --network.widths 64,96.

medrecon train mri-image --data pack.h5 -o prior.safetensors --seconds 3600

medrecon train mri-image --config configs/mri-image.toml --data pack.h5 --loop.steps 20000"""
HFS_DESCRIPTION = """Train the high-band prior of hfs on magnitude volumes, until the budget in seconds or steps
is spent. Every key of the config is an option as well, and wins. No sample sheets are drawn.

medrecon train mri-hfs --config configs/mri-hfs.toml --data pack.h5 -o hfs.safetensors --seconds 3600"""
DDGAN_DESCRIPTION = """Train the denoising diffusion GAN of fdmr on magnitude volumes, until the budget in seconds or
steps is spent; on one device. Every key of the config is an option as well, and wins. With --objective.kind l1 the same
network learns without its adversary. The log has both losses. No sample sheets are drawn.

medrecon train mri-ddgan --config configs/mri-ddgan.toml --data pack.h5 -o ddgan.safetensors --seconds 3600

medrecon train mri-ddgan --data pack.h5 -o ddgan.safetensors --start l1.safetensors --objective.head-start 300"""
DDPM_DESCRIPTION = """Train a DDPM of 1000 steps, of the size of the DDGAN's generator: a control. Every option of the
recipe is one here as well, such as --loop.learning-rate. No sample sheets are drawn.

medrecon train mri-ddpm --data pack.h5 -o ddpm.safetensors --seconds 600"""


SHORT = {
    "network": "network",
    "size": "size",
    "batch": "batch",
    "seconds": "loop.seconds",
    "steps": "loop.steps",
    "seed": "loop.seed",
}
"""Options that stand for keys of the recipe."""


def run(argv: Sequence[str]) -> int:
    """Train an image prior."""
    from medrecon.training.mri_image_options import MriImageOptions

    return _run(argv, IMAGE, DESCRIPTION, MriImageOptions())


def run_hfs(argv: Sequence[str]) -> int:
    """Train a high-band prior."""
    from medrecon.training.mri_hfs_options import MriHfsOptions

    return _run(argv, HFS, HFS_DESCRIPTION, MriHfsOptions())


def run_ddgan(argv: Sequence[str]) -> int:
    """Train a denoising diffusion GAN, or its control by L1."""
    from medrecon.training.ddgan.options import MriDdganOptions

    return _run(argv, DDGAN, DDGAN_DESCRIPTION, MriDdganOptions())


def run_ddpm(argv: Sequence[str]) -> int:
    """Train the DDPM that it is measured against."""
    from medrecon.training.ddgan.options import MriDdpmOptions

    return _run(argv, DDPM, DDPM_DESCRIPTION, MriDdpmOptions())


def _run(argv: Sequence[str], command: str, description: str, default: Recipe) -> int:
    """Train, then write weights with their settings; raises InputError before the run for what cannot work."""
    from medrecon.cli.recipe import dotted

    plain, given = dotted(argv)
    options = parse(TrainMriImage, plain, command, description)
    recipe, volumes = _recipe(options, given, command, default)
    _check(options, recipe)
    device = resolve(options.device, options.threads)
    from medrecon.cli.training_run import train_and_store
    from medrecon.training.team import ALONE

    if options.devices == 1:
        return train_and_store(ALONE, device, options, recipe, volumes)
    if device.index is not None:
        raise InputError(f"--device {device} is one device, but --devices is {options.devices}; leave one of them out")
    from medrecon.cli.interrupt import first_interrupt
    from medrecon.training.launch import launch

    with first_interrupt():  # the other processes hear of it, and end at a step
        return launch(train_and_store, options.devices, device.type, options, recipe, volumes)


def _recipe(options: TrainMriImage, given: dict[str, Any], command: str, default: Recipe) -> tuple[Recipe, Volumes]:
    """What is to be trained on what: command line over config over defaults."""
    from medrecon.cli.recipe import Volumes, read_recipe
    from medrecon.training.config import merged, nested

    for option, key in SHORT.items():
        value = getattr(options, option)
        if value is not None:
            given = merged(given, nested(key, value))
    budget = given.get("loop", {})
    if "seconds" in budget and "steps" in budget:
        raise InputError("--seconds and --steps are two budgets; give one of them")
    if "seconds" in budget:  # also over a config's steps
        given = merged(given, nested("loop.steps", 0))
    recipe, named = read_recipe(default, options.config, given)
    train = str(options.data or named.train)
    if train in ("", "."):
        raise InputError(f"no volumes to train on; give --data PACK|DIR; see medrecon {command} --help")
    return recipe, Volumes(train, str(options.validate or named.held_out))


def _check(options: TrainMriImage, recipe: Recipe) -> None:
    from medrecon.cli.training_log import check_tensorboard
    from medrecon.io import check_writable

    _check_recipe(recipe)
    check_writable(options.out, (".safetensors",))
    if not (recipe.loop.steps or recipe.loop.seconds):
        raise InputError("--seconds is 0; give a positive number, or --steps")
    if options.devices < 1:
        raise InputError(f"--devices is {options.devices}; give at least 1")
    if options.checkpoint is not None and not options.checkpoint.parent.is_dir():
        raise InputError(f"--checkpoint {options.checkpoint}: its folder does not exist; create it first")
    if options.state.resolve() == options.out.resolve():
        raise InputError(f"--checkpoint {options.checkpoint} is the output as well; give it a name of its own")
    if options.tensorboard is not None:
        check_tensorboard()


def _check_recipe(recipe: Recipe) -> None:
    from medrecon.training.ddgan import limits as ddgan
    from medrecon.training.ddgan.options import MriDdganOptions, MriDdpmOptions
    from medrecon.training.limits import check

    if isinstance(recipe, MriDdganOptions | MriDdpmOptions):
        ddgan.check(recipe)
    else:
        check(recipe)
