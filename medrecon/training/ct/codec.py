"""Recipe of the CT codec: slices of full and low dose reconstruct themselves; the latent's scale is measured after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.ct.bank import PairBank
from medrecon.networks.ct.codec import CtCodec
from medrecon.networks.ct.load import CODEC
from medrecon.networks.ct.space import LatentScale
from medrecon.progress import OnStep, silent
from medrecon.training.ct.options import CtCodecOptions
from medrecon.training.ct.recipe import OnAverage, TrainedCt, begun, check_common, check_share, distance, run_facts
from medrecon.training.loop import train
from medrecon.training.memory import memory_explained
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Watch

MEASURED = 256
"""Crops of full-dose slices whose latents give the scale."""
RMSE = "rmse"


def train_ct_codec(
    bank: PairBank,
    options: CtCodecOptions,
    *,
    start: Mapping[str, Tensor] | None = None,
    compiled: bool = False,
    bfloat16: bool | None = None,
    checkpoint: Path | None = None,
    team: Team = ALONE,
    watch: Watch = UNWATCHED,
    on_average: OnAverage | None = None,
    on_step: OnStep = silent,
) -> TrainedCt:
    """Train on the bank's device; arguments as those of `train_mri_image`, averages go to `on_average`.

    Raises InputError for options that cannot work, a checkpoint of another run, a loss that is not finite, and too
    little memory.
    """
    check(options)
    device = bank.device
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        network = begun(CtCodec(options.network), options.loop.seed, start, device)
        runner = team.share(torch.compile(network) if compiled else network)  # type: ignore[arg-type]

        def loss_of(generator: torch.Generator) -> Tensor:
            images = codec_images(bank, options, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return codec_loss(runner, images, options, generator)

        run = train(
            network,
            loss_of,
            options.loop,
            checkpoint=checkpoint,
            facts=run_facts(options, bank, start, team, half),
            team=team,
            watch=watch,
            on_average=on_average,
            on_step=on_step,
        )
        network.load_state_dict(run.weights)
        scale = measured_scale(network, bank, options)
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
