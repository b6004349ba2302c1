"""`medrecon train mri-image`, `mri-hfs`, `mri-ddgan` and `mri-ddpm`: the priors from magnitude volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medrecon.cli.device import resolve
from medrecon.cli.parse import parse
from medrecon.cli.train_options import TrainMriImage
from medrecon.cli.training_start import check_run, launched, recipe_of

if TYPE_CHECKING:
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
    recipe, where = recipe_of(options, given, command, default, "PACK|DIR")
    _check(recipe)
    check_run(options, recipe.loop)
    device = resolve(options.device, options.threads)
    from medrecon.cli.training_run import train_and_store

    return launched(train_and_store, device, options, recipe, where)


def _check(recipe: Recipe) -> None:
    from medrecon.training.ddgan import limits as ddgan
    from medrecon.training.ddgan.options import MriDdganOptions, MriDdpmOptions
    from medrecon.training.limits import check

    if isinstance(recipe, MriDdganOptions | MriDdpmOptions):
        ddgan.check(recipe)
    else:
        check(recipe)
