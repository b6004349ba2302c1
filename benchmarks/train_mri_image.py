"""Train image priors one after the other, store them with 8 bits a weight, and say what that costs.

python benchmarks/train_mri_image.py PACK HELD_OUT OUT_DIR large:500 small:240:mri-image-small

A job is network:seconds, or network:seconds:weights to go on from weights (name or file). PACK and HELD_OUT are packs
of volumes or folders of NIfTI files. OUT_DIR gets NETWORK.safetensors and NETWORK.json, the run's record, as soon as a
job is done; `benchmarks/register_prior.py` makes a shipped prior of the two.
"""

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from medrecon import weights
from medrecon.datasets.pack import training_volumes
from medrecon.networks import image_prior
from medrecon.progress import Progress
from medrecon.provenance import versions
from medrecon.training.mri_image import MriImageOptions, train_mri_image
from medrecon.training.validation import ValidationOptions, validate


def say(*words: object) -> None:
    print(f"[{time.monotonic() - BEGAN:5.0f} s]", *words, flush=True)


def main(pack: Path, held_out: Path, out: Path, jobs: list[str]) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    volumes, others = training_volumes(pack), training_volumes(held_out)
    say(len(volumes), "volumes,", len(others), "held out, on", versions(device).get("gpu", "cpu"))
    for job in jobs:
        network, seconds, *start = job.split(":")
        options = MriImageOptions(network=network)
        options = replace(options, loop=replace(options.loop, seconds=float(seconds)))
        from_weights = weights.load(start[0])[0] if start else None
        said = [0]

        def report(p: Progress, said: list[int] = said, network: str = network) -> None:
            if p.done >= said[0]:
                said[0] = p.done + 20
                say(network, p.done, "of", p.total, "s")

        trained = train_mri_image(
            volumes, options, device, start=from_weights, compiled=device.type == "cuda", on_step=report
        )
        say(network, "steps", trained.run.steps, "last losses", [round(h[2], 4) for h in trained.run.history[-3:]])
        file = out / f"{network}.safetensors"
        sha256 = weights.save(file, trained.weights, trained.settings, "int8")
        record = {
            "options": asdict(options),
            "started_from": start[0] if start else None,
            "steps": trained.run.steps,
            "seconds": trained.run.seconds,
            "history": trained.run.history,
            "sha256": sha256,
            "versions": versions(device),
        }
        (out / f"{network}.json").write_text(json.dumps(record))
        for storage, tensors in (("trained", trained.weights), ("int8", weights.load(file)[0])):
            prior = image_prior(tensors, trained.settings, device, network, sha256)
            record[f"validation_{storage}"] = validate(prior, others, ValidationOptions(), options.size)
            say(network, storage, record[f"validation_{storage}"])
        (out / f"{network}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    BEGAN = time.monotonic()
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
