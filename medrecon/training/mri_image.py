"""Recipe of the MR image prior: EDM loss on augmented complex images (DESIGN "Priors", synthesis.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.bank import SliceBank, slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.load import KIND
from medrecon.networks.unet import UNet, UNetOptions
from medrecon.progress import OnStep, silent
from medrecon.training.edm_loss import edm_loss
from medrecon.training.limits import check
from medrecon.training.loop import Trained, train
from medrecon.training.memory import memory_explained
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Snapshot, Watch
from medrecon.weights.files import content_digest

if TYPE_CHECKING:
    from medrecon.training.ddgan.options import MriDdganOptions, MriDdpmOptions
    from medrecon.training.mri_hfs_options import MriHfsOptions

    Recipe = MriImageOptions | MriHfsOptions | MriDdganOptions | MriDdpmOptions

MEASURED = 128
"""Images whose power gives sigma_data: one image's varies by a fifth, so that their mean is known to 2 %."""


@dataclass(frozen=True, eq=False)
class TrainedPrior:
    """Averaged weights of the network, and what one must know to use them; the last ones where a recipe keeps them."""

    weights: dict[str, Tensor]
    settings: dict[str, Any]
    run: Trained
    last: dict[str, Tensor] | None = None


def train_mri_image(
    volumes: Sequence[TrainingVolume],
    options: MriImageOptions,
    device: torch.device,
    *,
    start: Mapping[str, Tensor] | None = None,
    teacher: Prior | None = None,
    compiled: bool = False,
    bfloat16: bool | None = None,
    checkpoint: Path | None = None,
    team: Team = ALONE,
    watch: Watch = UNWATCHED,
    on_step: OnStep = silent,
) -> TrainedPrior:
    """Train on magnitude volumes.

    `start` are weights of an earlier run to go on from, with a fresh optimiser that warms up. A `teacher`, an image
    prior on `device`, is imitated: what a smaller network is distilled from. `compiled` costs under a
    minute once and makes a step three times faster on an H200. `bfloat16` convolutions are the rule on CUDA; on a CPU
    that knows them they make a step three times faster. `checkpoint` is kept as the run goes, and resumed from.

    Raises InputError for options that cannot work, volumes that show nothing, a checkpoint of another run, a loss that
    is not finite, and too little memory.
    """
    check(options)
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        augmentation = Augmentation(bank_of(volumes, device, options.loop.seed), options.augmentation, options.size)
        (sigma_data,) = team.agree([measured_deviation(augmentation, options)])
        architecture = options.architecture
        network = begun(architecture, options.loop.seed, start, device)
        runner = team.share(torch.compile(network) if compiled else network)  # type: ignore[arg-type]
        denoiser = EDMDenoiser(runner, sigma_data, architecture.multiple)
        taught_by = _denoiser_of(teacher, architecture.multiple)
        settings = settings_of(options, sigma_data)
        facts = run_facts(options, volumes, start, device, team, half)
        facts["teacher"] = None if teacher is None else teacher.sha256

        def loss_of(generator: torch.Generator) -> Tensor:
            images = augmentation(options.batch, generator)
            sigma = options.levels.draw(options.batch, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return edm_loss(denoiser, images, sigma, generator, taught_by)

        def snapshot(step: int, weights: Mapping[str, Tensor]) -> None:
            watch.on_snapshot(Snapshot(step, weights, settings, augmentation))

        run = train(
            network,
            loss_of,
            options.loop,
            checkpoint=checkpoint,
            facts=facts,
            team=team,
            watch=watch,
            on_average=snapshot,
            on_step=on_step,
        )
        if run.steps and not run.interrupted and team.rank == 0:
            snapshot(run.steps, run.weights)
    return TrainedPrior(run.weights, settings, run)


def bank_of(volumes: Sequence[TrainingVolume], device: torch.device, seed: int) -> SliceBank:
    """The slices to train on; raises InputError for volumes that show nothing."""
    shown = [volume for volume in volumes if bool(volume.values.any())]
    if not shown:
        found = f"none of {len(volumes)} volumes shows anything" if volumes else "there are no volumes"
        raise InputError(f"{found}; give a folder of magnitude volumes, or a pack, to train on")
    return slice_bank(shown, seed=seed).to(device)


def _denoiser_of(teacher: Prior | None, multiple: int) -> EDMDenoiser | None:
    if teacher is None:
        return None
    if not isinstance(teacher.denoise, EDMDenoiser) or multiple % teacher.denoise.multiple:
        raise InputError(f"{teacher.name} cannot teach this network; give an image prior with as many levels, or fewer")
    return teacher.denoise


def begun(network: UNetOptions, seed: int, start: Mapping[str, Tensor] | None, device: torch.device) -> UNet:
    """A network to train: of weights drawn from the seed, or of those of an earlier run."""
    made = UNet(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    initialise(made, seed)
    if start is not None:
        begin_from(made, start)
    return made


def begin_from(network: nn.Module, start: Mapping[str, Tensor]) -> None:
    """Load weights to go on from; raises InputError for those of another network."""
    expected = {name: value.shape for name, value in network.state_dict().items()}
    if {name: value.shape for name, value in start.items()} != expected:
        raise InputError("the weights to start from belong to another network; give the same network's, or none")
    network.load_state_dict(start)


def run_facts(
    options: Recipe,
    volumes: Sequence[TrainingVolume],
    start: Mapping[str, Tensor] | None,
    device: torch.device,
    team: Team,
    bfloat16: bool,
) -> dict[str, Any]:
    """What a run must share with its checkpoint to go on from it."""
    return {
        **recipe_facts(options),
        "data": data_facts(volumes),
        "start": None if start is None else content_digest(start, "")[:12],
        "device": device.type,
        "devices": team.size,
        "bfloat16": bfloat16,
    }


def recipe_facts(options: Recipe) -> dict[str, Any]:
    """All options that a run must share with its checkpoint: how often that is written does not matter."""
    loop = {name: value for name, value in asdict(options.loop).items() if name != "checkpoint_every"}
    return {**asdict(options), "loop": loop}


def data_facts(volumes: Sequence[TrainingVolume]) -> dict[str, Any]:
    """Which volumes these are, by name and matrix."""
    names = json.dumps([[volume.name, list(volume.values.shape)] for volume in volumes])
    return {"volumes": len(volumes), "names": hashlib.sha256(names.encode()).hexdigest()[:12]}


def settings_of(options: MriImageOptions, sigma_data: float) -> dict[str, Any]:
    """What the weights file of a run says, pixel sizes in mm included."""
    footprint, levels = options.augmentation.footprint, (options.levels.lowest, options.levels.highest)
    settings = prior_settings(options.architecture, sigma_data, levels)
    return settings | {"pixel_range": [footprint.finest_mm, footprint.coarsest_mm]}


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
