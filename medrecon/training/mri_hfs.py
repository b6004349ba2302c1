"""Recipe of the high-band prior: HFS-SDE's loss on the image prior's augmented images, whole periods of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks.band import BandDenoiser, BandScale
from medrecon.networks.band_prior import KIND
from medrecon.operators.highpass import HighPass
from medrecon.progress import OnStep, silent
from medrecon.training.band_loss import band_loss
from medrecon.training.limits import check
from medrecon.training.loop import train
from medrecon.training.memory import memory_explained
from medrecon.training.mri_hfs_options import MriHfsOptions
from medrecon.training.mri_image import TrainedPrior, bank_of, begun, run_facts
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Watch

MEASURED = 128
"""Images whose power gives the scale of the bands."""
KNOTS = 7
"""Widths at which it is measured."""


def train_mri_hfs(
    volumes: Sequence[TrainingVolume],
    options: MriHfsOptions,
    device: torch.device,
    *,
    start: Mapping[str, Tensor] | None = None,
    compiled: bool = False,
    bfloat16: bool | None = None,
    checkpoint: Path | None = None,
    team: Team = ALONE,
    watch: Watch = UNWATCHED,
    on_step: OnStep = silent,
) -> TrainedPrior:
    """Train on magnitude volumes; arguments as those of `train_mri_image`. No snapshots are taken.
    The last weights are kept as well: `hfs-released` samples with them.

    Raises InputError for options that cannot work, volumes that show nothing, a checkpoint of another run, a loss that
    is not finite, and too little memory.
    """
    check(options)
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    architecture = options.architecture
    with memory_explained(options.batch, options.size, device):
        augmentation = Augmentation(bank_of(volumes, device, options.loop.seed), options.augmentation, options.size)
        scale = _agreed(measured_scale(augmentation, options), team)
        network = begun(architecture, options.loop.seed, start, device)
        runner = team.share(torch.compile(network) if compiled else network)  # type: ignore[arg-type]
        denoiser = BandDenoiser(runner, scale, architecture.multiple)
        facts = run_facts(options, volumes, start, device, team, half)

        def loss_of(generator: torch.Generator) -> Tensor:
            images = augmentation(options.batch, generator)
            sigma = options.levels.draw(options.batch, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return band_loss(denoiser, images, sigma, options.bands, generator)

        run = train(
            network, loss_of, options.loop, checkpoint=checkpoint, facts=facts, team=team, watch=watch, on_step=on_step
        )
    return TrainedPrior(run.weights, settings_of(options, scale), run, dict(network.state_dict()))


def _agreed(scale: BandScale, team: Team) -> BandScale:
    """The first process's scale in all of them."""
    *deviations, low = team.agree([*scale.deviations, scale.low])
    return BandScale(scale.fractions, tuple(deviations), low)


def settings_of(options: MriHfsOptions, scale: BandScale) -> dict[str, Any]:
    """What the weights file of a run says, pixel sizes in mm included."""
    footprint, levels = options.augmentation.footprint, options.levels
    return {
        "kind": KIND,
        "path": "vp",
        "network": options.architecture.as_dict(),
        "scale": {"fractions": list(scale.fractions), "deviations": list(scale.deviations), "low": scale.low},
        "levels": [levels.lowest, levels.highest],
        "pixel_range": [footprint.finest_mm, footprint.coarsest_mm],
    }


@torch.no_grad()
def measured_scale(augmentation: Augmentation, options: MriHfsOptions) -> BandScale:
    """Deviations of `MEASURED` training images outside lines of `KNOTS` widths along either axis, and of the rest."""
    generator = torch.Generator(augmentation.bank.images.device).manual_seed(options.loop.seed + 1)
    batch, size, bands = min(options.batch, 32), options.size, options.bands
    steps = torch.linspace(0, 1, KNOTS)
    widths = size * bands.narrowest * (bands.widest / bands.narrowest) ** steps
    lines = widths.round().clamp(min=1).unique().int().tolist()
    outside, whole = torch.zeros(len(lines)), 0.0
    rounds = MEASURED // batch
    for _ in range(rounds):
        images = augmentation(batch, generator)
        whole += _power(images) / rounds
        for i, width in enumerate(lines):
            both = [_power(HighPass(tuple(images.shape), width, (axis,))(images)) for axis in "yx"]
            outside[i] += sum(both) / 2 / rounds
    low = max(whole - float(outside.mean()), 0.0) ** 0.5
    return BandScale(tuple(width / size for width in lines), tuple(outside.sqrt().tolist()), low)


def _power(x: Tensor) -> float:
    return float(x.abs().square().mean()) / 2
