"""Recipe of the DDGAN prior: the image prior's augmented images, adversarial or, as a control, by L1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.networks.ddgan.discriminator import discriminator_from_seed
from medrecon.networks.ddgan.generator import Generator, generator_from_seed
from medrecon.networks.ddgan.load import KIND
from medrecon.networks.ddgan.schedule import Schedule
from medrecon.networks.edm import MARGIN
from medrecon.progress import OnStep, silent
from medrecon.training.ddgan.adversarial import Adversarial, levels
from medrecon.training.ddgan.duel import Duel
from medrecon.training.ddgan.images import Units, channels_of, measured_units
from medrecon.training.ddgan.limits import check
from medrecon.training.ddgan.options import MriDdganOptions
from medrecon.training.loop import Trained, spend, train
from medrecon.training.memory import memory_explained
from medrecon.training.mri_image import TrainedPrior, bank_of, begin_from, run_facts
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Watch


def train_mri_ddgan(
    volumes: Sequence[TrainingVolume],
    options: MriDdganOptions,
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

    `start` are weights of a generator, whose discriminator begins anew. The last weights are kept beside their average.
    Raises InputError as `train_mri_image` does, and for a GAN on several devices.
    """
    check(options)
    if options.objective.kind == "gan" and team.size > 1:
        raise InputError("a GAN trains on one device, since R1 derives its gradients again; leave --devices at 1")
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        augmentation = Augmentation(bank_of(volumes, device, options.loop.seed), options.augmentation, options.size)
        measured = measured_units(augmentation, options.batch, options.loop.seed + 1)
        units = Units(*team.agree(list(measured)))
        network = begun(options, start, device)
        facts = run_facts(options, volumes, start, device, team, half)
        around: dict[str, Any] = {
            "checkpoint": checkpoint, "facts": facts, "team": team, "watch": watch, "on_step": on_step
        }  # fmt: skip

        def images(random: torch.Generator) -> Tensor:
            return channels_of(augmentation(options.batch, random), units.scale, options.network.limit)

        make = _by_l1 if options.objective.kind == "l1" else _by_duel
        run = make(network, images, options, half, compiled, around)
    return TrainedPrior(run.weights, settings_of(options, units), run, dict(network.state_dict()))


def begun(options: MriDdganOptions, start: Mapping[str, Tensor] | None, device: torch.device) -> Generator:
    """A generator to train: of weights drawn from the seed, or of those of an earlier run."""
    made = generator_from_seed(options.network, options.loop.seed, device)
    if start is not None:
        begin_from(made, start)
    return made


def _by_duel(
    network: Generator, images: Any, options: MriDdganOptions, half: bool, compiled: bool, around: dict[str, Any]
) -> Trained:
    """Both networks against each other."""
    loop, objective = options.loop, options.objective
    device = next(network.parameters()).device
    discriminator = discriminator_from_seed(options.discriminator, loop.seed + 1, device)
    duel = Duel.begin(network, discriminator, loop.horizon, loop.seed)
    adversarial = Adversarial(
        _called(network, compiled),
        _called(discriminator, compiled),
        discriminator,
        schedule_of(options).to(device),
        options.network.latent,
        objective,
        lambda: torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False),
    )

    def advance(rate: float) -> None:
        x0, random = images(duel.generator), duel.generator
        own = rate if duel.step >= objective.head_start else 0.0
        duel.advance(
            lambda: adversarial.telling(x0, duel.step, random),
            lambda: adversarial.fooling(x0, random),
            (own, rate * objective.rate / loop.learning_rate),
            loop.clip,
        )

    return spend(duel, advance, loop, **around)


def _by_l1(
    network: Generator, images: Any, options: MriDdganOptions, half: bool, compiled: bool, around: dict[str, Any]
) -> Trained:
    """The generator alone, by the mean absolute error of x_0 at levels drawn uniformly."""
    device = next(network.parameters()).device
    runner = around["team"].share(_called(network, compiled))
    schedule = schedule_of(options).to(device)

    def loss_of(random: torch.Generator) -> Tensor:
        x0 = images(random)
        t = levels(schedule, len(x0), random)
        noise = torch.randn(x0.shape, generator=random, device=device)
        z = torch.randn(len(x0), options.network.latent, generator=random, device=device)
        state = schedule.noised(x0, noise, t)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            answer = runner(state, t, z)
        estimate = schedule.estimate(state, answer, t)
        # the margin is what inference cuts off as well
        error = schedule.in_answers(estimate - x0, t)
        return error[..., MARGIN:-MARGIN, MARGIN:-MARGIN].abs().mean()

    return train(network, loss_of, options.loop, **around)


def schedule_of(options: MriDdganOptions) -> Schedule:
    """The levels of a recipe."""
    return Schedule(options.diffusion.steps, options.diffusion.spacing)


def _called(network: nn.Module, compiled: bool) -> nn.Module:
    return torch.compile(network) if compiled else network  # type: ignore[return-value]


def settings_of(options: MriDdganOptions, units: Units) -> dict[str, Any]:
    """What the weights file of a run says, pixel sizes in mm included."""
    footprint = options.augmentation.footprint
    return {
        "kind": KIND,
        "objective": options.objective.kind,
        "generator": options.network.as_dict(),
        "steps": options.diffusion.steps,
        "spacing": options.diffusion.spacing,
        "scale": units.scale,
        "deviation": units.deviation,
        "pixel_range": [footprint.finest_mm, footprint.coarsest_mm],
    }
