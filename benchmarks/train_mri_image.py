"""Train image priors one after the other, store them with 8 bits a weight, and say what that costs.

python benchmarks/train_mri_image.py PACK HELD_OUT OUT_DIR large:500 small:240:mri-image-small
                                     [--size 256] [--batch 64] [--rate 4e-4] [--bfloat16] [--config FILE]

A job is network:seconds, or network:seconds:weights to go on from weights (name or file), or
network:seconds:weights:teacher to imitate a larger prior as well. PACK and HELD_OUT are packs
of volumes or folders of NIfTI files. --config changes the recipe, as for `medrecon train mri-image`. OUT_DIR gets
NETWORK.safetensors and NETWORK.json, the run's record, as soon as a job is done; `benchmarks/register_prior.py` makes a
shipped prior of the two.
"""

import argparse
from pathlib import Path

from training_jobs import Clock, Job, job_reader, parser_of, training_device
from training_records import store

from medrecon import weights
from medrecon.networks import load_prior
from medrecon.training.config import read_toml, updated
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_image import train_mri_image
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.validation import ValidationOptions, validate


def main() -> None:
    clock, given, device = Clock(), arguments(), training_device()
    volumes, others = clock.mri_volumes(given.pack, given.held_out, device)
    for job in given.jobs:
        options = recipe(job, given)
        trained = train_mri_image(
            volumes,
            options,
            device,
            start=weights.load(job.start)[0] if job.start else None,
            teacher=load_prior(job.teacher, device) if job.teacher else None,
            compiled=device.type == "cuda",
            bfloat16=given.bfloat16,
            on_step=clock.report(job.name),
        )
        clock.say_losses(job.name, trained.run)
        stored = store(given.out, job.name, trained)
        kept = stored.record(options, device, started_from=job.start or None, teacher=job.teacher or None)
        for form in stored.forms:
            found = validate(stored.prior(form, device), others, ValidationOptions(), options.size)
            clock.say(job.name, form, found)
            kept.add(**{f"validation_{form}": found})


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "pack", "held_out", "out")
    read = job_reader("NETWORK:SECONDS[:WEIGHTS[:TEACHER]]", most=4)
    parser.add_argument("jobs", nargs="+", type=read)
    parser.add_argument("--size", type=int, default=MriImageOptions.size)
    parser.add_argument("--batch", type=int, default=MriImageOptions.batch)
    parser.add_argument("--rate", type=float, default=LoopOptions.learning_rate)
    parser.add_argument("--bfloat16", action="store_true", default=None)
    parser.add_argument("--config", type=Path)
    return parser.parse_args()


def recipe(job: Job, given: argparse.Namespace) -> MriImageOptions:
    loop = LoopOptions(seconds=job.seconds, learning_rate=given.rate)
    options = MriImageOptions(network=job.name, size=given.size, batch=given.batch, loop=loop)
    return updated(options, read_toml(given.config), str(given.config)) if given.config else options


if __name__ == "__main__":
    main()
