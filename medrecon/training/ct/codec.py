"""Recipe of the CT codec: slices of full and low dose reconstruct themselves; the latent's scale is measured after."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor, nn

from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.ct.bank import PairBank
from medrecon.networks.ct.codec import CtCodec
from medrecon.networks.ct.load import CODEC
from medrecon.networks.ct.space import LatentScale
from medrecon.training.ct.begun import Begun, CtArguments
from medrecon.training.ct.options import CtCodecOptions
from medrecon.training.ct.recipe import TrainedCt, check_common, check_share, distance
from medrecon.training.memory import memory_explained

MEASURED = 256
"""Crops of full-dose slices whose latents give the scale."""
RMSE = "rmse"


def train_ct_codec(bank: PairBank, options: CtCodecOptions, **given: Unpack[CtArguments]) -> TrainedCt:
    """Train on the bank's device; arguments as those of `train_mri_image`, averages go to `on_average`.

    Raises InputError for options that cannot work, a checkpoint of another run, a loss that is not finite, and too
    little memory.
    """
    check(options)
    with memory_explained(options.batch, options.size, bank.device):
        begun = Begun(bank, options, CtCodec(options.network), given)

        def loss_of(generator: torch.Generator) -> Tensor:
            images = codec_images(bank, options, generator)
            with begun.autocast():
                return codec_loss(begun.runner, images, options, generator)

        run = begun.train(loss_of)
        begun.network.load_state_dict(run.weights)
        scale = measured_scale(begun.network, bank, options)
    return TrainedCt(run.weights, settings_of(options, scale), run)


def check(options: CtCodecOptions) -> None:
    """Raise InputError for options of which no run can come."""
    losses = {} if options.loss == RMSE else {"loss": options.loss}
    check_common(options.size, options.batch, options.network.multiple, options.loop, losses)
    check_share(low_share=options.low_share, phantom_share=options.phantom_share)


def codec_images(bank: PairBank, options: CtCodecOptions, generator: torch.Generator) -> Tensor:
    """`(batch, 1, size, size)` network units, low and full dose alike."""
    pairs = bank.draw(options.batch, options.size, generator, phantom_share=options.phantom_share)
    low = Draw(options.batch, generator).chance(options.low_share, 1, 1, 1)
    return torch.where(low, pairs.low, pairs.full)


def codec_loss(codec: nn.Module, images: Tensor, options: CtCodecOptions, generator: torch.Generator) -> Tensor:
    """Distance of images that pass through a drawn latent, and the divergence of its distribution."""
    factor, channels = options.network.factor, options.network.channels
    n, _, y, x = images.shape
    noise = torch.randn((n, channels, y // factor, x // factor), generator=generator, device=images.device)
    found, mean, logvar = codec(images, noise)
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    if options.loss == RMSE:
        error = (found - images).square().mean((1, 2, 3)).clamp(min=1e-12).sqrt().mean()
    else:
        error = distance(found, images, options.loss)
    return error + options.kl * divergence


@torch.no_grad()
def measured_scale(codec: CtCodec, bank: PairBank, options: CtCodecOptions) -> LatentScale:
    """Of the latents of `MEASURED` full-dose crops."""
    generator = torch.Generator(bank.device).manual_seed(options.loop.seed + 1)
    batch = min(options.batch, MEASURED)
    latents = torch.cat([
        codec.encode(bank.draw(batch, options.size, generator).full) for _ in range(MEASURED // batch)
    ])  # fmt: skip
    return LatentScale.of(latents)


def settings_of(options: CtCodecOptions, scale: LatentScale) -> dict[str, Any]:
    """What the weights file of a run says."""
    return {"kind": CODEC, "options": options.network.as_dict(), **scale.as_dict()}
