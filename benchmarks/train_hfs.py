"""Train the high-band prior and its control one after the other, store them with 8 bits a weight, and say what both do.

python benchmarks/train_hfs.py PACK HELD_OUT OUT_DIR hfs:600 vp:600
                               [--size 256] [--batch 64] [--rate 4e-4] [--toy]

A job is hfs:seconds or vp:seconds, or either with :weights behind it (a file) to go on from. `vp` is the control: a
network of the same size on whole images, the same images for the same time. On every affine path an EDM denoiser is the
same network in x / a, so that it is VP's as well as VE's. OUT_DIR gets JOB.safetensors and JOB.json, the run's record
with the scores on HELD_OUT, as soon as a job is done, and hfs-last.safetensors, weights that were not averaged, for
`hfs-released`. --toy rehearses all of it on a CPU.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from training_jobs import TINY, Clock, Job, job_reader, parser_of, training_device
from training_records import Stored, store

from medrecon import weights
from medrecon.datasets.augmentation import AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.volume import TrainingVolume
from medrecon.progress import OnStep
from medrecon.training.mri_hfs import train_mri_hfs
from medrecon.training.mri_hfs_options import NETWORK, MriHfsOptions
from medrecon.training.mri_image import TrainedPrior, train_mri_image
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.validation import ValidationOptions, reconstruction_scores

Recipe = MriHfsOptions | MriImageOptions
CALLS = {"trained": (20,), "int8": (5, 10, 20, 50)}
METHODS = {"hfs": "hfs", "vp": "dds"}
"""What each prior is scored with."""


def main() -> None:
    clock, given, device = Clock(), arguments(), training_device()
    volumes, others = clock.mri_volumes(given.pack, given.held_out, device)
    for job in given.jobs:
        options = recipe(job, given)
        trained = run(options, volumes, job.start, device, clock.report(job.name))
        clock.say_losses(job.name, trained.run)
        stored = store(given.out, job.name, trained, trained.last)
        kept = stored.record(
            options,
            device,
            recipe=f"benchmarks/train_hfs.py {job.name}",
            parameters=stored.parameters(),
            started_from=job.start or None,
        )
        for form, calls, found in scores(stored, METHODS[job.name], others, device):
            clock.say(job.name, form, calls, "calls", found)
            kept.add(**{f"validation_{form}_{calls}": found})


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "pack", "held_out", "out")
    read = job_reader("hfs:SECONDS or vp:SECONDS, and :FILE to go on from weights", METHODS)
    parser.add_argument("jobs", nargs="+", type=read)
    parser.add_argument("--size", type=int, default=MriHfsOptions.size)
    parser.add_argument("--batch", type=int, default=MriHfsOptions.batch)
    parser.add_argument("--rate", type=float, default=MriHfsOptions().loop.learning_rate)
    parser.add_argument("--toy", action="store_true")
    return parser.parse_args()


def recipe(job: Job, given: argparse.Namespace) -> Recipe:
    """The same images, network but for its inputs, and seconds for both."""
    network = TINY if given.toy else NETWORK
    ours = MriHfsOptions(network=network, size=given.size, batch=given.batch)
    loop = replace(ours.loop, seconds=job.seconds, learning_rate=given.rate, checkpoint_every=float("inf"))
    images = ours.augmentation
    if given.toy:
        images = AugmentationOptions(footprint=FootprintOptions(periods=(given.size // 2, given.size)))
    if job.name == "hfs":
        return replace(ours, loop=loop, augmentation=images)
    return MriImageOptions(network=network, size=given.size, batch=given.batch, augmentation=images, loop=loop)


def run(
    options: Recipe, volumes: Sequence[TrainingVolume], start: str, device: torch.device, report: OnStep
) -> TrainedPrior:
    begun = weights.load(start)[0] if start else None
    compiled = device.type == "cuda"
    if isinstance(options, MriHfsOptions):
        return train_mri_hfs(volumes, options, device, start=begun, compiled=compiled, on_step=report)
    return train_mri_image(volumes, options, device, start=begun, compiled=compiled, on_step=report)


def scores(
    stored: Stored, method: str, others: Sequence[TrainingVolume], device: torch.device
) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Form, calls and foreground PSNR: as trained and as stored, the stored one with more calls."""
    for form, all_calls in CALLS.items():
        prior = stored.prior(form, device)
        for calls in all_calls:
            yield form, calls, reconstruction_scores(prior, others, ValidationOptions(method, steps=calls), device)


if __name__ == "__main__":
    main()
