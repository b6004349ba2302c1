"""Recipe of cold diffusion: restore the clean state from blends of it with the low-dose one (Bansal et al. 2022)."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.ct.bank import PairBank, Pairs
from medrecon.errors import InputError
from medrecon.networks.ct.cold import ColdNet, ColdOptions
from medrecon.networks.ct.load import CODEC, COLD, CtPrior
from medrecon.networks.ct.space import Space
from medrecon.networks.unet import UNet
from medrecon.training.ct.begun import Begun, CtArguments
from medrecon.training.ct.lattice import lattice_power
from medrecon.training.ct.options import CtColdOptions
from medrecon.training.ct.recipe import TrainedCt, check_common, check_share, distance
from medrecon.training.memory import memory_explained


def train_ct_cold(
    bank: PairBank, options: CtColdOptions, *, codec: CtPrior | None = None, **given: Unpack[CtArguments]
) -> TrainedCt:
    """Train on the bank's device; a latent network in the latents of `codec`. Arguments as those of `train_ct_codec`.

    Raises InputError as `train_ct_codec` does, and for a latent network without its codec.
    """
    check(options)
    space = space_of(options.network, codec)
    used = None if codec is None else codec.sha256
    with memory_explained(options.batch, options.size, bank.device):
        bare = UNet(options.network.architecture)
        begun = Begun(bank, options, bare, given, vectors_only=options.vectors_only, codec=used)
        cold = ColdNet(begun.runner, options.network)

        def loss_of(generator: torch.Generator) -> Tensor:
            pairs = bank.draw(options.batch, options.size, generator)
            # without the cache: weights cast for the estimate, which needs no gradient, would carry none afterwards
            with begun.autocast(cached=False):
                return cold_loss(cold, space, pairs, options, generator)

        run = begun.train(loss_of)
    return TrainedCt(run.weights, settings_of(COLD, options.network, codec), run)


def check(options: CtColdOptions) -> None:
    """Raise InputError for options of which no run can come."""
    check_cold(options.network, options.size, options.batch, options)
    check_share(at_end=options.at_end, own=options.own)


def check_cold(network: ColdOptions, size: int, batch: int, options: Any) -> None:
    """The part that one-step networks share."""
    factor = {"pixel": 1, "unshuffle": network.factor, "latent": 4}[network.space]
    check_common(size, batch, network.multiple * factor, options.loop, {"loss": options.loss})
    for name, weight in {"decoded": options.decoded, "lattice": options.lattice}.items():
        if not 0 <= weight < float("inf"):
            raise InputError(f"{name} is {weight}; give a weight of at least 0")


def space_of(options: ColdOptions, codec: CtPrior | None) -> Space:
    """Where the network works; raises InputError for a latent one without a fitting codec."""
    if options.space != "latent":
        return Space.of(options)
    if codec is None:
        raise InputError("a latent network works in the latents of a codec; give --codec NAME|FILE")
    if codec.kind != CODEC or codec.space.codec is None:
        raise InputError(f"{codec.name} holds weights of kind '{codec.kind}'; give a codec's")
    if codec.space.codec.options.channels != options.channels:
        raise InputError(
            f"{codec.name} has {codec.space.codec.options.channels} latent channels, the network {options.channels}; "
            "set network.channels"
        )
    return codec.space


def cold_loss(cold: ColdNet, space: Space, pairs: Pairs, options: CtColdOptions, generator: torch.Generator) -> Tensor:
    """Distance of the clean state from what the network makes of blends, at times that `options` draw."""
    with torch.no_grad():
        clean, end = space.encode(pairs.full), space.encode(pairs.low)
    draw = Draw(len(clean), generator)
    t = times(draw, options.at_end)
    begin = clean
    if options.own > 0 and options.at_end < 1:
        with torch.no_grad():
            estimate = cold(end, end, torch.ones_like(t), pairs.dose)
        begin = torch.where(draw.chance(options.own, 1, 1, 1), estimate, clean)
    share = t[:, None, None, None]
    state = (1 - share) * begin + share * end
    found = cold(state, end, t, pairs.dose)
    return with_decoded(distance(found, clean, options.loss), found, space, pairs, options)


def times(draw: Draw, at_end: float) -> Tensor:
    """`(batch,)` times: 1 for a share of them, the others uniform on (0, 1]."""
    uniform = 1 - draw.uniform(0, 1)
    return torch.where(draw.chance(at_end), torch.ones_like(uniform), uniform)


def with_decoded(loss: Tensor, found: Tensor, space: Space, pairs: Pairs, options: Any) -> Tensor:
    """`loss` of the state, and that of its image and of the lattice in its errors where the recipe weighs them."""
    lattice = options.lattice if space.factor > 1 else 0.0
    if not (options.decoded or lattice):
        return loss
    image = space.decode(found)
    if options.decoded:
        loss = loss + options.decoded * distance(image, pairs.full, options.loss)
    return loss + lattice * lattice_power(image.float() - pairs.full, space.factor) if lattice else loss


def settings_of(kind: str, network: ColdOptions, codec: CtPrior | None) -> dict[str, Any]:
    """What the weights file of a run says; a latent one's names its codec by hash."""
    settings: dict[str, Any] = {"kind": kind, "options": network.as_dict()}
    if network.space == "latent" and codec is not None:
        settings["codec"] = {"name": codec.name.removesuffix(".safetensors"), "sha256": codec.sha256}
    return settings
