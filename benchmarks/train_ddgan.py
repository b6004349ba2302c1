"""Train the DDGAN prior and its controls one after the other, by seconds of GPU, and say what each does.

python benchmarks/train_ddgan.py PACK HELD_OUT OUT_DIR l1:300 ddgan:420:l1 ddpm:300
                                 [--limit 560] [--size 256] [--batch 32] [--config FILE] [--eager] [--toy]

A job is network:seconds, or network:seconds:start to go on from weights: a file, or a job whose OUT_DIR/JOB.safetensors
is there. `ddgan` trains from noise or from such a start (then its discriminator has 300 steps of head start), `ddgan4`
the same in 4 steps of diffusion; `l1` is the generator without adversary, `ddpm` a network of its size with 1000 steps.
PACK and HELD_OUT are packs of volumes or folders of NIfTI files. OUT_DIR gets JOB.safetensors, 8 bits a weight,
JOB-last.safetensors, weights that were not averaged, and JOB.json, the run's record with both losses and the scores on
HELD_OUT, as soon as a job is done.

After --limit seconds the run ends with a checkpoint in OUT_DIR, and the same command goes on from there; finished jobs
are passed over. --toy rehearses all of it on a CPU.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from training_jobs import TINY, Clock, Job, Sitting, add_sitting, job_reader, parser_of, training_device
from training_records import store

from medrecon import weights
from medrecon.datasets.augmentation import AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.prior import Prior
from medrecon.networks.ddgan import DiscriminatorOptions, GeneratorOptions
from medrecon.training.config import read_toml, updated
from medrecon.training.ddgan.ddpm import train_mri_ddpm
from medrecon.training.ddgan.options import DiffusionOptions, MriDdganOptions, MriDdpmOptions, ObjectiveOptions
from medrecon.training.ddgan.recipe import train_mri_ddgan
from medrecon.training.ddgan.validation import estimate_errors
from medrecon.training.mri_image import TrainedPrior
from medrecon.training.validation import ValidationOptions, reconstruction_scores
from medrecon.training.watch import Entry

Recipe = MriDdganOptions | MriDdpmOptions
GAN = MriDdganOptions()
JOBS: dict[str, Recipe] = {
    "ddgan": GAN,
    "ddgan4": replace(GAN, diffusion=DiffusionOptions(4)),
    "l1": replace(GAN, objective=ObjectiveOptions("l1"), loop=replace(GAN.loop, learning_rate=4e-4, clip=1.0)),
    "ddpm": MriDdpmOptions(),
}
"""L1 alone bears the learning rate of the other priors, which a GAN does not."""
HEAD_START = 300
FEWEST = 150
"""Seconds that must be left to begin or go on with a job: compilation cannot be cut short."""
CALLS = (20, 50)
"""Of the DDPM in its validation."""
TOY_GENERATOR = GeneratorOptions(16, (1, 1), (1, 1), embedding=16, style=16)
TOY_DISCRIMINATOR = DiscriminatorOptions((16, 16), embedding=16)


def main() -> None:
    clock, given, device = Clock(), arguments(), training_device()
    sitting = Sitting(given.out, given.limit, clock)
    waiting = sitting.waiting(given.jobs)
    if not waiting:
        return
    volumes, others = clock.mri_volumes(given.pack, given.held_out, device)
    fewest = 0 if given.toy else FEWEST
    sitting.run(waiting, lambda job: run(job, volumes, others, sitting, device, given), fewest)


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "pack", "held_out", "out")
    read = job_reader(f"NETWORK:SECONDS[:START], NETWORK one of {', '.join(JOBS)}", JOBS)
    parser.add_argument("jobs", nargs="+", type=read)
    parser.add_argument("--size", type=int, default=GAN.size)
    parser.add_argument("--batch", type=int, default=GAN.batch)
    parser.add_argument("--config", type=Path, help="changes to the recipe of every job of this call")
    add_sitting(parser)
    return parser.parse_args()


def recipe(job: Job, given: argparse.Namespace) -> Recipe:
    """The same images and size for all."""
    options = replace(JOBS[job.name], size=given.size, batch=given.batch)
    if isinstance(options, MriDdganOptions):
        if job.start and options.objective.kind == "gan":
            options = replace(options, objective=replace(options.objective, head_start=HEAD_START))
        if given.toy:
            options = replace(options, network=TOY_GENERATOR, discriminator=TOY_DISCRIMINATOR)
    elif given.toy:
        options = replace(options, network=TINY)
    if given.toy:
        images = AugmentationOptions(footprint=FootprintOptions(smallest=given.size // 2))
        options = replace(options, augmentation=images, loop=replace(options.loop, warm_up=10))
    if given.config:
        options = updated(options, read_toml(given.config), str(given.config))
    return replace(options, loop=replace(options.loop, seconds=job.seconds, checkpoint_every=float("inf")))


def run(
    job: Job,
    volumes: Sequence[TrainingVolume],
    others: Sequence[TrainingVolume],
    sitting: Sitting,
    device: torch.device,
    given: argparse.Namespace,
) -> bool:
    """Train one network as far as the time allows, and score each form of a finished one; whether it is done."""
    options = recipe(job, given)
    trained = train(job, options, volumes, sitting, device, given.eager)
    if sitting.cut_short(job, trained.run):
        return False
    stored = store(given.out, job.name, trained, trained.last)
    kept = stored.record(
        options,
        device,
        recipe=f"benchmarks/train_ddgan.py {job.name}",
        parameters=stored.parameters(),
        started_from=job.start or None,
        settings=trained.settings,
        bytes=stored.file.stat().st_size,
    )
    for form in stored.forms:
        found = scores(stored.prior(form, device), options, others, device)
        sitting.clock.say(job.name, form, {key: round(value, 3) for key, value in found.items()})
        kept.add(**{f"validation_{form}": found})
    kept.add(finished=True)
    return True


def train(
    job: Job,
    options: Recipe,
    volumes: Sequence[TrainingVolume],
    sitting: Sitting,
    device: torch.device,
    eager: bool,
) -> TrainedPrior:
    """From weights beside the record, of a file, or of none; only as far as the time allows."""
    clock, beside = sitting.clock, sitting.out / f"{job.start}.safetensors"
    prior_of = train_mri_ddgan if isinstance(options, MriDdganOptions) else train_mri_ddpm
    trained = prior_of(
        volumes,
        options,  # type: ignore[arg-type]
        device,
        start=weights.load(beside if beside.is_file() else job.start)[0] if job.start else None,
        compiled=device.type == "cuda" and not eager,
        checkpoint=sitting.checkpoint(job),
        watch=sitting.watch(job, on_history=losses(job.name, clock)),
        on_step=clock.report(job.name),
    )
    clock.say(job.name, "steps", trained.run.steps, "in", round(trained.run.seconds), "s")
    return trained


def losses(name: str, clock: Clock) -> Callable[[Sequence[Entry]], None]:
    """Says both losses at 50, 100, 200, 400 … steps."""
    seen = 0

    def tell(history: Sequence[Entry]) -> None:
        nonlocal seen
        if history and len(history) >= 2 * seen:
            seen = len(history)
            entry = history[-1]
            clock.say(name, "step", entry.steps, "loss", round(entry.loss, 4), "discriminator", entry.discriminator)

    return tell


def scores(prior: Prior, options: Recipe, others: Sequence[TrainingVolume], device: torch.device) -> dict[str, float]:
    """Of a generator a call a level, beside the errors of its estimates; of the DDPM with more calls."""
    if isinstance(options, MriDdganOptions):
        calls = ValidationOptions(steps=options.diffusion.steps)
        return estimate_errors(prior, others, options.size) | reconstruction_scores(prior, others, calls, device)
    found: dict[str, float] = {}
    for steps in CALLS:
        each = reconstruction_scores(prior, others, ValidationOptions(steps=steps), device)
        found |= {f"{key}_{steps}_calls": value for key, value in each.items()}
    return found


if __name__ == "__main__":
    main()
