"""Recipe of the MR image prior: EDM loss on augmented complex images (DESIGN "Priors", synthesis.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.load import KIND
from medrecon.networks.unet import UNet, UNetOptions
from medrecon.progress import OnStep, silent
from medrecon.training.edm_loss import LevelOptions, edm_loss
from medrecon.training.loop import LoopOptions, Trained, train

NETWORKS = {
    "large": UNetOptions(),
    "small": UNetOptions(widths=(64, 96, 160, 128), encoder_blocks=(2, 2, 1, 1), decoder_blocks=(3, 2, 2, 1)),
}
"""Sizes that fit the weights budget: 12 MiB and 4 MiB at 8 bits a weight."""


MEASURED = 128
"""Images whose power gives sigma_data: one image's varies by a fifth, so that their mean is known to 2 %."""


@dataclass(frozen=True)
class MriImageOptions:
    """Everything that decides what prior comes out; stored in its record."""

    network: str = "large"
    size: int = 256
    batch: int = 64
    levels: LevelOptions = field(default_factory=LevelOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    loop: LoopOptions = field(default_factory=LoopOptions)


@dataclass(frozen=True, eq=False)
class TrainedPrior:
    """Averaged weights of the network, and what one must know to use them."""

    weights: dict[str, Tensor]
    settings: dict[str, Any]
    run: Trained


def train_mri_image(
    volumes: Sequence[TrainingVolume],
    options: MriImageOptions,
    device: torch.device,
    *,
    start: Mapping[str, Tensor] | None = None,
    compiled: bool = False,
    bfloat16: bool | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep = silent,
) -> TrainedPrior:
    """Train on magnitude volumes.

    `start` are weights of an earlier run to go on from, with a fresh optimiser that warms up. `compiled` costs under a
    minute once and makes a step three times faster on an H200. `bfloat16` convolutions are the rule on CUDA; on a CPU
    that knows them they make a step three times faster. `checkpoint` is kept as the run goes, and resumed from.
    """
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    bank = slice_bank(volumes, seed=options.loop.seed).to(device)
    augmentation = Augmentation(bank, options.augmentation, options.size)
    sigma_data = measured_deviation(augmentation, options)
    architecture = NETWORKS[options.network]
    network = UNet(architecture).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    initialise(network, options.loop.seed)
    if start is not None:
        network.load_state_dict(start)
    runner = torch.compile(network) if compiled else network
    denoiser = EDMDenoiser(runner, sigma_data, architecture.multiple)  # type: ignore[arg-type]

    def loss_of(generator: torch.Generator) -> Tensor:
        images = augmentation(options.batch, generator)
        sigma = options.levels.draw(options.batch, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            return edm_loss(denoiser, images, sigma, generator)

    run = train(network, loss_of, options.loop, checkpoint=checkpoint, on_step=on_step)
    levels = (options.levels.lowest, options.levels.highest)
    return TrainedPrior(run.weights, prior_settings(architecture, sigma_data, levels), run)


def prior_settings(network: UNetOptions, sigma_data: float, levels: tuple[float, float]) -> dict[str, Any]:
    """What a weights file says of an image prior, so that it can be used."""
    return {
        "kind": KIND,
        "path": "ve",
        "network": network.as_dict(),
        "sigma_data": sigma_data,
        "levels": list(levels),
    }


@torch.no_grad()
def measured_deviation(augmentation: Augmentation, options: MriImageOptions) -> float:
    """Standard deviation per real component of `MEASURED` training images."""
    generator = torch.Generator(augmentation.bank.images.device).manual_seed(options.loop.seed + 1)
    batch = min(options.batch, 32)
    power = [augmentation(batch, generator).abs().square().mean() / 2 for _ in range(MEASURED // batch)]
    return float(torch.stack(power).mean().sqrt())


def initialise(network: nn.Module, seed: int) -> None:
    """Kaiming-uniform convolutions from the seed alone; what starts at zero stays there."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.weight.any():
            bound = (3 / module.weight[0].numel()) ** 0.5
            module.weight.data.copy_(torch.empty(module.weight.shape).uniform_(-bound, bound, generator=generator))
            if module.bias is not None:
                module.bias.data.zero_()
