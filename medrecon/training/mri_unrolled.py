"""Recipe of the supervised control: the images of the priors' recipe, scanned at random, reconstructed end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.networks.unrolled import KIND, Unrolled, UnrolledOptions
from medrecon.progress import OnStep, silent
from medrecon.training.loop import LoopOptions, Trained, train
from medrecon.training.memory import memory_explained
from medrecon.training.mri_image import initialise
from medrecon.training.random_scans import RandomScanOptions, RandomScans, random_scans

SIZE = 176
"""With the periodic margin, the networks see 192 pixels."""


def one_head() -> AugmentationOptions:
    """As for a prior, but matrices of at least `SIZE`: a scan holds one head, not the next period's too.

    Six of ten images then are a whole head, filling 0.5 to 0.9 of the field of view, the others a window of a larger
    matrix, which it fills.
    """
    footprint = FootprintOptions(finest_mm=0.7, coarsest_mm=1.5, widest=1.35, smallest=SIZE)
    return AugmentationOptions(footprint=footprint)


@dataclass(frozen=True)
class MriUnrolledOptions:
    """Everything that decides what network comes out."""

    network: UnrolledOptions = field(default_factory=UnrolledOptions)
    size: int = SIZE
    batch: int = 16
    scans: RandomScanOptions = field(default_factory=RandomScanOptions)
    augmentation: AugmentationOptions = field(default_factory=one_head)
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(seconds=200.0, learning_rate=8e-4, warm_up=100))


@dataclass(frozen=True, eq=False)
class TrainedUnrolled:
    """Averaged weights, what one must know to use them, and the run."""

    weights: dict[str, Tensor]
    settings: dict[str, Any]
    run: Trained


def train_mri_unrolled(
    volumes: Sequence[TrainingVolume],
    options: MriUnrolledOptions,
    device: torch.device,
    *,
    compiled: bool = False,
    bfloat16: bool | None = None,
    on_step: OnStep = silent,
) -> TrainedUnrolled:
    """Train on magnitude volumes.

    `compiled` and `bfloat16`, the rule on CUDA, concern the networks; data steps run eagerly in single precision.
    Raises InputError for volumes that show nothing, a batch or size that cannot be, a loss that is not finite, and too
    little memory.
    """
    if options.batch < 1 or options.size < 32:
        raise InputError(f"batch is {options.batch} and size {options.size}; give at least 1 and 32")
    shown = [volume for volume in volumes if bool(volume.values.any())]
    if not shown:
        raise InputError(f"none of {len(volumes)} volumes shows anything; give magnitude volumes, or a pack")
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        bank = slice_bank(shown, seed=options.loop.seed).to(device)
        augmentation = Augmentation(bank, options.augmentation, options.size)
        network = _begun(options, device, compiled)

        def loss_of(generator: torch.Generator) -> Tensor:
            images = augmentation(options.batch, generator)
            scans = random_scans(images, options.scans, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return unrolled_loss(network, images, scans)

        run = train(network, loss_of, options.loop, on_step=on_step)
    return TrainedUnrolled(run.weights, {"kind": KIND, "options": options.network.as_dict()}, run)


def unrolled_loss(network: Unrolled, images: Tensor, scans: RandomScans) -> Tensor:
    """Mean over the batch of the root mean square error of each complex image.

    Between the mean square, which hears the hard images alone, and PSNR, to which all are the same. The networks see
    periodic continuations as they do in use, so that the whole image counts.
    """
    error = torch.view_as_real(network(scans.normal, scans.data, scans.sigma) - images)
    return error.square().sum(-1).mean((1, 2)).clamp(min=1e-12).sqrt().mean()


def _begun(options: MriUnrolledOptions, device: torch.device, compiled: bool) -> Unrolled:
    network = Unrolled(options.network)
    for i, each in enumerate(network.networks):
        initialise(each, options.loop.seed + i)
        if compiled:
            each.compile()
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
