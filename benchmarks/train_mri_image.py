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
import json
import time
from dataclasses import asdict
from pathlib import Path

import torch

from medrecon import weights
from medrecon.datasets.pack import every_volume, training_volumes
from medrecon.networks import image_prior, load_prior
from medrecon.progress import Progress
from medrecon.provenance import versions
from medrecon.training.config import read_toml, updated
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_image import train_mri_image
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.validation import ValidationOptions, validate


def say(*words: object) -> None:
    print(f"[{time.monotonic() - BEGAN:5.0f} s]", *words, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--size", type=int, default=MriImageOptions.size)
    parser.add_argument("--batch", type=int, default=MriImageOptions.batch)
    parser.add_argument("--rate", type=float, default=LoopOptions.learning_rate)
    parser.add_argument("--bfloat16", action="store_true", default=None)
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    volumes, others = training_volumes(given.pack), every_volume(given.held_out)
    say(len(volumes), "volumes,", len(others), "held out, on", versions(device).get("gpu", "cpu"))
    for job in given.jobs:
        network, seconds, start, teacher = (*job.split(":"), "", "")[:4]
        loop = LoopOptions(seconds=float(seconds), learning_rate=given.rate)
        options = MriImageOptions(network=network, size=given.size, batch=given.batch, loop=loop)
        if given.config:
            options = updated(options, read_toml(given.config), str(given.config))
        from_weights = weights.load(start)[0] if start else None
        said = [0]

        def report(p: Progress, said: list[int] = said, network: str = network) -> None:
            if p.done >= said[0]:
                said[0] = p.done + 20
                say(network, p.done, "of", p.total, "s")

        trained = train_mri_image(
            volumes,
            options,
            device,
            start=from_weights,
            teacher=load_prior(teacher, device) if teacher else None,
            compiled=device.type == "cuda",
            bfloat16=given.bfloat16,
            on_step=report,
        )
        say(network, "steps", trained.run.steps, "last losses", [round(h[2], 4) for h in trained.run.history[-3:]])
        file = given.out / f"{network}.safetensors"
        sha256 = weights.save(file, trained.weights, trained.settings, "int8")
        record = {
            "options": asdict(options),
            "started_from": start or None,
            "teacher": teacher or None,
            "steps": trained.run.steps,
            "seconds": trained.run.seconds,
            "history": trained.run.history,
            "sha256": sha256,
            "versions": versions(device),
        }
        (given.out / f"{network}.json").write_text(json.dumps(record))
        for storage, tensors in (("trained", trained.weights), ("int8", weights.load(file)[0])):
            prior = image_prior(tensors, trained.settings, device, network, sha256)
            record[f"validation_{storage}"] = validate(prior, others, ValidationOptions(), options.size)
            say(network, storage, record[f"validation_{storage}"])
        (given.out / f"{network}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    BEGAN = time.monotonic()
    main()
