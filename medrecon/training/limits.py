"""What the options of the priors' recipes must keep to, looked at before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medrecon.errors import InputError
from medrecon.networks.edm import MARGIN
from medrecon.networks.unet import UNetOptions

if TYPE_CHECKING:
    from medrecon.training.mri_hfs_options import MriHfsOptions
    from medrecon.training.mri_image_options import MriImageOptions


def check(options: MriImageOptions | MriHfsOptions) -> None:
    """Raise InputError for options of which no run can come."""
    network = options.architecture if isinstance(options.network, str) else options.network
    loop = options.loop
    _check_network(network)
    if options.size % network.multiple or options.size <= 2 * MARGIN:
        raise InputError(
            f"size is {options.size}; give a multiple of {network.multiple} above {2 * MARGIN}, as the network needs"
        )
    positive = {
        "batch": options.batch,
        "loop.warm_up": loop.warm_up,
        "loop.decay": loop.decay,
        "loop.learning_rate": loop.learning_rate,
        "loop.clip": loop.clip,
        "levels.lowest": options.levels.lowest,
    }
    for name, value in positive.items():
        if not value > 0:
            raise InputError(f"{name} is {value}; give a number above 0")
    periods = options.augmentation.footprint.periods
    if any(n < 1 or options.size % n for n in periods):
        raise InputError(f"augmentation.footprint.periods are {list(periods)}; each must divide size, {options.size}")
    for name, value in {"loop.seconds": loop.seconds, "loop.steps": loop.steps, "loop.seed": loop.seed}.items():
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} is {value}; give a finite number of at least 0")


def _check_network(network: UNetOptions) -> None:
    blocks = (network.widths, network.encoder_blocks, network.decoder_blocks)
    if not network.widths or len({len(each) for each in blocks}) > 1 or min(min(each) for each in blocks) < 1:
        raise InputError(
            f"the network has widths {list(network.widths)}, encoder_blocks {list(network.encoder_blocks)} and "
            f"decoder_blocks {list(network.decoder_blocks)}; give each one number of at least 1 a level"
        )
    if network.channels != 2:
        raise InputError(f"network.channels is {network.channels}; a complex image has 2")
    if network.context or network.conditions:
        raise InputError(
            f"network.context is {network.context} and network.conditions {network.conditions}; leave them at 0: "
            "recipes set them"
        )
    if network.embedding < 2 or network.embedding % 2:
        raise InputError(f"network.embedding is {network.embedding}; give an even number")
