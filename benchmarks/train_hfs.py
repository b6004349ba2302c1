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
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from medrecon import weights
from medrecon.datasets.augmentation import AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.pack import every_volume, training_volumes
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks.load import made_prior
from medrecon.networks.unet import UNetOptions
from medrecon.progress import Progress
from medrecon.provenance import versions
from medrecon.training.mri_hfs import train_mri_hfs
from medrecon.training.mri_hfs_options import NETWORK, MriHfsOptions
from medrecon.training.mri_image import TrainedPrior, train_mri_image
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.validation import ValidationOptions, reconstruction_scores

EVERY = 20
"""Seconds between two lines."""
CALLS = (5, 10, 20, 50)
METHODS = {"hfs": "hfs", "vp": "dds"}
"""What each prior is scored with."""
TOY = UNetOptions(widths=(16, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=16)


def say(*words: object) -> None:
    print(f"[{time.monotonic() - BEGAN:5.0f} s]", *words, flush=True)


def main() -> None:
    given = arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    volumes, others = training_volumes(given.pack), every_volume(given.held_out)
    say(len(volumes), "volumes,", len(others), "held out, on", versions(device).get("gpu", "cpu"))
    given.out.mkdir(parents=True, exist_ok=True)
    for job in given.jobs:
        name, seconds, start = (*job.split(":"), "")[:3]
        options = recipe(name, float(seconds), given)
        trained = run(name, options, volumes, start, device)
        say(name, "steps", trained.run.steps, "last losses", [round(h.loss, 4) for h in trained.run.history[-3:]])
        record(name, options, trained, start, others, given.out, device)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--size", type=int, default=MriHfsOptions.size)
    parser.add_argument("--batch", type=int, default=MriHfsOptions.batch)
    parser.add_argument("--rate", type=float, default=MriHfsOptions().loop.learning_rate)
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    wrong = [job for job in given.jobs if job.split(":")[0] not in METHODS or job.count(":") not in (1, 2)]
    if wrong:
        parser.error(f"'{wrong[0]}' is no job; give hfs:SECONDS or vp:SECONDS, and :FILE to go on from weights")
    return given


def recipe(name: str, seconds: float, given: argparse.Namespace) -> MriHfsOptions | MriImageOptions:
    """The same images, network but for its inputs, and seconds for both."""
    network = TOY if given.toy else NETWORK
    ours = MriHfsOptions(network=network, size=given.size, batch=given.batch)
    loop = replace(ours.loop, seconds=seconds, learning_rate=given.rate, checkpoint_every=float("inf"))
    images = ours.augmentation
    if given.toy:
        images = AugmentationOptions(footprint=FootprintOptions(periods=(given.size // 2, given.size)))
    if name == "hfs":
        return replace(ours, loop=loop, augmentation=images)
    return MriImageOptions(network=network, size=given.size, batch=given.batch, augmentation=images, loop=loop)


def run(
    name: str,
    options: MriHfsOptions | MriImageOptions,
    volumes: Sequence[TrainingVolume],
    start: str,
    device: torch.device,
) -> TrainedPrior:
    said = [0]

    def report(p: Progress) -> None:
        if p.done >= said[0]:
            said[0] = p.done + EVERY
            say(name, p.done, "of", p.total, "s")

    begun = weights.load(start)[0] if start else None
    compiled = device.type == "cuda"
    if isinstance(options, MriHfsOptions):
        return train_mri_hfs(volumes, options, device, start=begun, compiled=compiled, on_step=report)
    return train_mri_image(volumes, options, device, start=begun, compiled=compiled, on_step=report)


def record(
    name: str,
    options: MriHfsOptions | MriImageOptions,
    trained: TrainedPrior,
    start: str,
    others: Sequence[TrainingVolume],
    out: Path,
    device: torch.device,
) -> None:
    """Weights and the run's record; scored twice, as trained and as stored, and the stored ones with more calls."""
    file = out / f"{name}.safetensors"
    sha256 = weights.save(file, trained.weights, trained.settings, "int8")
    if trained.last is not None:
        weights.save(out / f"{name}-last.safetensors", trained.last, trained.settings, "int8")
    facts = {
        "recipe": f"benchmarks/train_hfs.py {name}",
        "options": asdict(options),
        "parameters": sum(value.numel() for value in trained.weights.values()),
        "started_from": start or None,
        "steps": trained.run.steps,
        "seconds": trained.run.seconds,
        "history": trained.run.history,
        "sha256": sha256,
        "versions": versions(device),
    }
    file.with_suffix(".json").write_text(json.dumps(facts))
    method = METHODS[name]
    for storage, tensors in (("trained", trained.weights), ("int8", weights.load(file)[0])):
        prior = made_prior(tensors, trained.settings, device, name, sha256)
        for calls in CALLS if storage == "int8" else CALLS[2:3]:
            found = reconstruction_scores(prior, others, ValidationOptions(method=method, steps=calls), device)
            facts[f"validation_{storage}_{calls}"] = found
            say(name, storage, calls, "calls", found)
            file.with_suffix(".json").write_text(json.dumps(facts))


if __name__ == "__main__":
    BEGAN = time.monotonic()
    main()
