"""What the options of the DDGAN's recipes must keep to, looked at before any work."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from medrecon.errors import InputError
from medrecon.networks.ddgan.discriminator import Discriminator
from medrecon.networks.ddgan.generator import Generator
from medrecon.networks.ddgan.options import GeneratorOptions
from medrecon.networks.ddgan.schedule import SPACINGS
from medrecon.networks.edm import MARGIN
from medrecon.networks.unet import UNet
from medrecon.training.ddgan.options import KINDS, MriDdganOptions, MriDdpmOptions
from medrecon.training.loop import LoopOptions


def check(options: MriDdganOptions | MriDdpmOptions) -> None:
    """Raise InputError for options of which no run can come."""
    if isinstance(options, MriDdganOptions):
        _check_ddgan(options)
    else:
        _check_ddpm(options)
    _check_loop(options.loop)
    _above_zero({"batch": options.batch})
    periods = options.augmentation.footprint.periods
    if any(n < 1 or options.size % n for n in periods):
        raise InputError(f"augmentation.footprint.periods are {list(periods)}; each must divide size, {options.size}")


def _check_ddgan(options: MriDdganOptions) -> None:
    objective, discriminator = options.objective, options.discriminator
    if objective.kind not in KINDS:
        raise InputError(f"objective.kind is '{objective.kind}'; choose {' or '.join(KINDS)}")
    if options.diffusion.spacing not in SPACINGS:
        raise InputError(f"diffusion.spacing is '{options.diffusion.spacing}'; choose {' or '.join(SPACINGS)}")
    _above_zero(
        {
            "diffusion.steps": options.diffusion.steps,
            "objective.rate": objective.rate,
            "objective.interval": objective.interval,
        }
    )
    _not_negative(
        {"objective.r1": objective.r1, "objective.head_start": objective.head_start, "objective.l1": objective.l1}
    )
    if (options.network.channels, discriminator.channels) != (2, 2):
        raise InputError(
            f"network.channels is {options.network.channels} and discriminator.channels {discriminator.channels}; "
            "a complex image has 2"
        )
    _check_network(options.network)
    _above_zero({"discriminator.group": discriminator.group, "discriminator.patch": discriminator.patch})
    _check_built(lambda: Discriminator(discriminator), "discriminator")
    _check_size(options.size, math.lcm(options.network.multiple, discriminator.multiple))
    group = min(discriminator.group, options.batch)
    if group > 0 and options.batch % group:
        raise InputError(f"batch is {options.batch}; give a multiple of discriminator.group, {group}")


def _check_network(network: GeneratorOptions) -> None:
    levels = len(network.multipliers)
    if not levels or len(network.blocks) != levels or min(*network.multipliers, *network.blocks) < 1:
        raise InputError(
            f"the network has multipliers {list(network.multipliers)} and blocks {list(network.blocks)}; give each one "
            "number of at least 1 a level"
        )
    if any(level not in range(levels) for level in network.attention):
        raise InputError(f"network.attention is {list(network.attention)}; give levels from 0 to {levels - 1}")
    names = ("width", "embedding", "latent", "style", "mapping", "patch", "limit")
    _above_zero({f"network.{name}": getattr(network, name) for name in names})
    if network.embedding < 4 or network.embedding % 2:
        raise InputError(f"network.embedding is {network.embedding}; give an even number of at least 4")
    _check_built(lambda: Generator(network), "network")


def _check_ddpm(options: MriDdpmOptions) -> None:
    process = options.process
    _above_zero({"process.steps": process.steps, "process.first_beta": process.first_beta})
    if not process.first_beta <= process.last_beta < 1:
        raise InputError(f"process.last_beta is {process.last_beta}; give a number from process.first_beta to below 1")
    if options.network.channels != 2 or options.network.context or options.network.conditions:
        raise InputError(
            "the network of the DDPM has 2 channels, no context and no conditions; leave these as they are"
        )
    _check_built(lambda: UNet(options.network), "network")
    _check_size(options.size, options.network.multiple)


def _check_size(size: int, multiple: int) -> None:
    if size % multiple or size <= 2 * MARGIN:
        raise InputError(f"size is {size}; give a multiple of {multiple} above {2 * MARGIN}, as the networks need")


def _check_built(make: Callable[[], object], name: str) -> None:
    try:
        with torch.device("meta"):
            make()
    except (ValueError, RuntimeError, IndexError, ZeroDivisionError) as error:
        raise InputError(f"the {name} cannot be built: {' '.join(str(error).split())[:120]}") from None


def _check_loop(loop: LoopOptions) -> None:
    _above_zero({f"loop.{name}": getattr(loop, name) for name in ("warm_up", "decay", "learning_rate", "clip")})
    _not_negative({f"loop.{name}": getattr(loop, name) for name in ("seconds", "steps", "seed")})


def _above_zero(values: dict[str, float]) -> None:
    for name, value in values.items():
        if not value > 0:
            raise InputError(f"{name} is {value}; give a number above 0")


def _not_negative(values: dict[str, float]) -> None:
    for name, value in values.items():
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} is {value}; give a finite number of at least 0")
