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
from medrecon.networks.ddgan import DiscriminatorOptions, GeneratorOptions
from medrecon.networks.load import made_prior
from medrecon.networks.unet import UNetOptions
from medrecon.progress import Progress
from medrecon.provenance import versions
from medrecon.training.config import read_toml, updated
from medrecon.training.ddgan.ddpm import train_mri_ddpm
from medrecon.training.ddgan.options import DiffusionOptions, MriDdganOptions, MriDdpmOptions, ObjectiveOptions
from medrecon.training.ddgan.recipe import train_mri_ddgan
from medrecon.training.ddgan.validation import estimate_errors
from medrecon.training.mri_image import TrainedPrior
from medrecon.training.validation import ValidationOptions, reconstruction_scores
from medrecon.training.watch import Entry, Watch

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
EVERY = 20
"""Seconds between two lines."""
CALLS = (20, 50)
"""Of the DDPM in its validation."""
TOY_GENERATOR = GeneratorOptions(16, (1, 1), (1, 1), embedding=16, style=16)
TOY_DISCRIMINATOR = DiscriminatorOptions((16, 16), embedding=16)
TOY_UNET = UNetOptions(widths=(16, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=16)


def say(*words: object) -> None:
    print(f"[{time.monotonic() - BEGAN:5.0f} s]", *words, flush=True)


def main() -> None:
    given = arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    given.out.mkdir(parents=True, exist_ok=True)
    waiting = [job for job in given.jobs if not finished(given.out / f"{job.split(':')[0]}.json")]
    if not waiting:
        say("every job is done")
        return
    volumes, others = training_volumes(given.pack), every_volume(given.held_out)
    say(len(volumes), "volumes,", len(others), "held out, on", versions(device).get("gpu", "cpu"))
    for job in waiting:
        if given.limit - (time.monotonic() - BEGAN) < (0 if given.toy else FEWEST):
            say("no time left for", job, "- run again to go on")
            return
        name, seconds, start = (*job.split(":"), "")[:3]
        options = recipe(name, float(seconds), bool(start), given)
        trained = run(name, options, volumes, start, given, device)
        if trained is None:
            return
        record(name, options, trained, start, others, given.out, device)
        (given.out / f"{name}.checkpoint").unlink()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--limit", type=float, default=560.0, help="seconds of this call")
    parser.add_argument("--size", type=int, default=GAN.size)
    parser.add_argument("--batch", type=int, default=GAN.batch)
    parser.add_argument("--config", type=Path, help="changes to the recipe of every job of this call")
    parser.add_argument("--eager", action="store_true", help="do not compile, on CUDA either")
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    wrong = [job for job in given.jobs if job.split(":")[0] not in JOBS or job.count(":") not in (1, 2)]
    if wrong:
        parser.error(f"'{wrong[0]}' is no job; give NETWORK:SECONDS[:START], NETWORK one of {', '.join(JOBS)}")
    return given


def recipe(name: str, seconds: float, begun: bool, given: argparse.Namespace) -> Recipe:
    """The same images and size for all."""
    options = replace(JOBS[name], size=given.size, batch=given.batch)
    if isinstance(options, MriDdganOptions):
        if begun and options.objective.kind == "gan":
            options = replace(options, objective=replace(options.objective, head_start=HEAD_START))
        if given.toy:
            options = replace(options, network=TOY_GENERATOR, discriminator=TOY_DISCRIMINATOR)
    elif given.toy:
        options = replace(options, network=TOY_UNET)
    if given.toy:
        images = AugmentationOptions(footprint=FootprintOptions(smallest=given.size // 2))
        options = replace(options, augmentation=images, loop=replace(options.loop, warm_up=10))
    if given.config:
        options = updated(options, read_toml(given.config), str(given.config))
    return replace(options, loop=replace(options.loop, seconds=seconds, checkpoint_every=float("inf")))


def run(
    name: str,
    options: Recipe,
    volumes: Sequence[TrainingVolume],
    start: str,
    given: argparse.Namespace,
    device: torch.device,
) -> TrainedPrior | None:
    """Train one network as far as the time allows; None where it is not done."""
    said, seen = [0], [0]

    def report(progress: Progress) -> None:
        if progress.done >= said[0]:
            said[0] = progress.done + EVERY
            say(name, progress.done, "of", progress.total, "s")

    def losses(history: Sequence[Entry]) -> None:
        if history and len(history) >= 2 * seen[0]:  # at 50, 100, 200, 400 … steps
            seen[0] = len(history)
            entry = history[-1]
            say(name, "step", entry.steps, "loss", round(entry.loss, 4), "discriminator", entry.discriminator)

    file = given.out / f"{start}.safetensors" if (given.out / f"{start}.safetensors").is_file() else start
    train = train_mri_ddgan if isinstance(options, MriDdganOptions) else train_mri_ddpm
    trained = train(
        volumes,
        options,  # type: ignore[arg-type]
        device,
        start=weights.load(file)[0] if start else None,
        compiled=device.type == "cuda" and not given.eager,
        checkpoint=given.out / f"{name}.checkpoint",
        watch=Watch(
            on_resume=lambda step: say(name, "goes on at step", step),
            on_history=losses,
            stop=lambda: time.monotonic() - BEGAN > given.limit,
        ),
        on_step=report,
    )
    say(name, "steps", trained.run.steps, "in", round(trained.run.seconds), "s")
    if not trained.run.interrupted:
        return trained
    say(name, "stopped at", round(trained.run.seconds), "of", options.loop.seconds, "s; run again to go on")
    return None


def record(
    name: str,
    options: Recipe,
    trained: TrainedPrior,
    start: str,
    others: Sequence[TrainingVolume],
    out: Path,
    device: torch.device,
) -> None:
    """Weights and the run's record; scored as trained, as stored, and a GAN's without its average as well."""
    file = out / f"{name}.safetensors"
    sha256 = weights.save(file, trained.weights, trained.settings, "int8")
    forms = {"trained": trained.weights, "int8": weights.load(file)[0]}
    if trained.last is not None:
        weights.save(out / f"{name}-last.safetensors", trained.last, trained.settings, "int8")
        forms["last"] = trained.last
    facts = {
        "recipe": f"benchmarks/train_ddgan.py {name}",
        "options": asdict(options),
        "parameters": sum(value.numel() for value in trained.weights.values()),
        "started_from": start or None,
        "steps": trained.run.steps,
        "seconds": trained.run.seconds,
        "history": trained.run.history,
        "settings": trained.settings,
        "sha256": sha256,
        "bytes": file.stat().st_size,
        "versions": versions(device),
    }
    file.with_suffix(".json").write_text(json.dumps(facts))
    for form, tensors in forms.items():
        prior = made_prior(tensors, trained.settings, device, name, sha256)
        found: dict[str, float] = {}
        if isinstance(options, MriDdganOptions):
            found |= estimate_errors(prior, others, options.size)
            found |= reconstruction_scores(prior, others, ValidationOptions(steps=options.diffusion.steps), device)
        else:
            for calls in CALLS:
                scores = reconstruction_scores(prior, others, ValidationOptions(steps=calls), device)
                found |= {f"{key}_{calls}_calls": value for key, value in scores.items()}
        facts[f"validation_{form}"] = found
        say(name, form, {key: round(value, 3) for key, value in found.items()})
        file.with_suffix(".json").write_text(json.dumps(facts))
    file.with_suffix(".json").write_text(json.dumps(facts | {"finished": True}))


def finished(file: Path) -> bool:
    return file.is_file() and bool(json.loads(file.read_text()).get("finished"))


if __name__ == "__main__":
    BEGAN = time.monotonic()
    main()
