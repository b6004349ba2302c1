"""Recipe of the DDPM that the DDGAN is measured against: epsilon at steps drawn uniformly (Ho et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks.ddgan.ddpm import KIND, MriDdpm
from medrecon.networks.edm import MARGIN
from medrecon.progress import OnStep, silent
from medrecon.training.ddgan.images import measured_units
from medrecon.training.ddgan.limits import check
from medrecon.training.ddgan.options import MriDdpmOptions
from medrecon.training.loop import train
from medrecon.training.memory import memory_explained
from medrecon.training.mri_image import TrainedPrior, bank_of, begun, run_facts
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Watch


def train_mri_ddpm(
    volumes: Sequence[TrainingVolume],
    options: MriDdpmOptions,
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
    """Train on magnitude volumes; arguments and errors as those of `train_mri_image`. No snapshots are taken."""
    check(options)
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        augmentation = Augmentation(bank_of(volumes, device, options.loop.seed), options.augmentation, options.size)
        measured = measured_units(augmentation, options.batch, options.loop.seed + 1)
        (deviation,) = team.agree([measured.deviation])
        network = begun(options.network, options.loop.seed, start, device)
        runner = team.share(torch.compile(network) if compiled else network)  # type: ignore[arg-type]
        ddpm = MriDdpm(runner, options.process, options.network.multiple).to(device)
        facts = run_facts(options, volumes, start, device, team, half)

        def loss_of(random: torch.Generator) -> Tensor:
            images = torch.view_as_real(augmentation(options.batch, random)).movedim(-1, 1)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return ddpm_loss(ddpm, images, random)

        run = train(
            network, loss_of, options.loop, checkpoint=checkpoint, facts=facts, team=team, watch=watch, on_step=on_step
        )
    return TrainedPrior(run.weights, settings_of(options, deviation), run)


def ddpm_loss(ddpm: MriDdpm, images: Tensor, random: torch.Generator) -> Tensor:
    """Mean square error of epsilon away from the margin, on channels `(n, 2, y, x)`."""
    steps = len(ddpm.signal) - 1
    t = torch.randint(1, steps + 1, (len(images),), generator=random, device=images.device)
    kept = ddpm.signal[t][:, None, None, None]
    noise = torch.randn(images.shape, generator=random, device=images.device)
    error = ddpm.epsilon(kept.sqrt() * images + (1 - kept).sqrt() * noise, t) - noise
    return error[..., MARGIN:-MARGIN, MARGIN:-MARGIN].square().mean()


def settings_of(options: MriDdpmOptions, deviation: float) -> dict[str, Any]:
    """What the weights file of a run says, pixel sizes in mm included."""
    footprint = options.augmentation.footprint
    return {
        "kind": KIND,
        "network": options.network.as_dict(),
        "process": options.process.as_dict(),
        "deviation": deviation,
        "pixel_range": [footprint.finest_mm, footprint.coarsest_mm],
    }
