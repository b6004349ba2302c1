"""`medrecon train mri-image`: the image prior from magnitude volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from medrecon.cli.bar import progress_bar
from medrecon.cli.device import resolve
from medrecon.cli.parse import parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.training.mri_image import MriImageOptions

DESCRIPTION = """Train the image prior of dds and spirit on magnitude volumes, until the time budget is spent.

medrecon train mri-image --data volumes/ -o prior.safetensors --seconds 3600"""


@dataclass(frozen=True)
class TrainMriImage:
    """Options of the training run; the recipe's own defaults hold for everything else."""

    data: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder of NIfTI volumes, or a pack of them (.h5)."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """Where the weights go (.safetensors)."""
    validate: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Volumes of other subjects: loss and PSNR at R 4 and 8 on them, printed at the end and stored with the weights."""
    start: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Weights to go on from, by name or file, with a fresh optimiser."""
    network: Literal["large", "small"] = "large"
    """large for CUDA, small for the CPU."""
    seconds: float = 600.0
    """Time budget of the training, compilation not counted."""
    batch: int = 64
    """Images a step."""
    size: int = 256
    """Pixels a side of the training images."""
    seed: int = 0
    """Of initial weights, augmentation and noise."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads."""
    compiled: bool = False
    """Compile the network first: minutes once, then about half the time a step."""
    checkpoint: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """State of the run, kept as it goes; if the file exists, the run continues from it."""
    storage: Literal["fp32", "fp16", "int8"] = "fp16"
    """How the weights are stored."""


def run(argv: Sequence[str]) -> int:
    """Train, then write weights with their settings; raises InputError before the run for what cannot work."""
    options = parse(TrainMriImage, argv, "train mri-image", DESCRIPTION)
    _check(options)
    device = resolve(options.device, options.threads)
    from medrecon.datasets.pack import training_volumes
    from medrecon.networks import image_prior
    from medrecon.training.mri_image import train_mri_image
    from medrecon.training.validation import ValidationOptions, validate
    from medrecon.weights import load, save

    volumes = training_volumes(options.data)
    held_out = None if options.validate is None else training_volumes(options.validate)
    start = None if options.start is None else load(options.start)[0]
    with progress_bar() as on_step:
        trained = train_mri_image(
            volumes,
            _recipe(options),
            device,
            start=start,
            compiled=options.compiled,
            checkpoint=options.checkpoint,
            on_step=on_step,
        )
    settings = trained.settings
    if held_out is not None:
        prior = image_prior(trained.weights, settings, device, options.out.name, None)
        found = validate(prior, held_out, ValidationOptions(), options.size)
        settings = {**settings, "validation": found}
        print("held-out volumes: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    sha256 = save(options.out, trained.weights, settings, options.storage)
    loss = f", last mean loss {trained.run.history[-1][2]:.4f}" if trained.run.history else ""
    print(f"{len(volumes)} volumes, {trained.run.steps} steps in {trained.run.seconds:.0f} s{loss}")
    print(f"wrote {options.out} (sha256 {sha256[:12]}); use it with --prior {options.out}")
    return 0


def _check(options: TrainMriImage) -> None:
    from medrecon.io import check_writable

    check_writable(options.out, (".safetensors",))
    if not (isfinite(options.seconds) and options.seconds > 0):
        raise InputError(f"--seconds is {options.seconds}; give a positive number")
    if options.batch < 1:
        raise InputError(f"--batch is {options.batch}; give at least 1")
    if options.checkpoint is not None and not options.checkpoint.parent.is_dir():
        raise InputError(f"--checkpoint {options.checkpoint}: its folder does not exist; create it first")


def _recipe(options: TrainMriImage) -> MriImageOptions:
    from medrecon.training.mri_image import MriImageOptions

    default = MriImageOptions()
    loop = replace(default.loop, seconds=options.seconds, seed=options.seed)
    return replace(default, network=options.network, size=options.size, batch=options.batch, loop=loop)
