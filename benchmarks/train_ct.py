"""Train the CT networks one after the other, by seconds of GPU, and write how far each was when.

python benchmarks/train_ct.py PACK OUT_DIR codec:240 cold-latent:240 cold-pixel:240 one-step:240 ddpm:240 red-cnn:240
                              [--limit 560] [--bank FILE] [--codec FILE] [--batch N] [--rate R] [--toy]

A job is network:seconds, or network:seconds:file to go on from weights, as `cold-latent-settled:0:FILE` and
`one-step-settled:0:FILE` do, whose budget is 250 steps: their recipe takes out the lattice that int8 leaves. PACK is a
CT pack with a held-out part (medrecon data pack-ct). OUT_DIR gets NETWORK.safetensors, 8 bits a weight, and
NETWORK.json, the run's record: `validation` has the RMSE in HU on held-out slices by seconds of training, off its
clock, so that the minutes to another network's final RMSE can be read off. A DDPM's is that of 20 DDIM steps; a codec's
that of its round trip.

After --limit seconds the run ends with a checkpoint, and the same command goes on from there; finished jobs are passed
over. --bank keeps the simulated noise between such calls. Latent networks take OUT_DIR/codec.safetensors, or --codec.
--toy rehearses all of it on a CPU.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from training_jobs import TINY, Clock, Job, Sitting, add_sitting, job_reader, parser_of, training_device
from training_records import store

from medrecon import weights
from medrecon.datasets.ct.bank import PairBank, PairOptions
from medrecon.datasets.ct.held_out import HeldOutOptions, HeldOutPairs, held_out_pairs
from medrecon.datasets.ct.kept_bank import keep_noise, kept_bank
from medrecon.datasets.ct.noise import NoiseOptions
from medrecon.datasets.ct.pack import read_ct_pack
from medrecon.datasets.ct.phantoms import phantom_volumes
from medrecon.networks.ct.codec import CodecOptions
from medrecon.networks.ct.cold import ColdOptions, pixel_network
from medrecon.networks.ct.ddpm import DdpmOptions
from medrecon.networks.ct.load import CtPrior, load_ct
from medrecon.networks.ct.red_cnn import RedCnnOptions
from medrecon.progress import Progress
from medrecon.training.config import read_toml, updated
from medrecon.training.ct.options import CtCodecOptions, CtColdOptions, CtDdpmOptions, CtRegressionOptions
from medrecon.training.ct.train import Recipe, held_out_rmse, settings_for, train_ct, trained_prior, works_in_latents
from medrecon.training.loop import LoopOptions

PIXEL = ColdOptions("pixel", network=pixel_network())
RED_CNN_BATCH = 16
SETTLED: dict[str, Any] = {"batch": 8, "lattice": 1e5, "vectors_only": True,
                           "loop": LoopOptions(steps=250, learning_rate=3e-4, warm_up=20, horizon=0.1)}  # fmt: skip
JOBS: dict[str, Recipe] = {
    "codec": CtCodecOptions(),
    "cold-latent": CtColdOptions(),
    "cold-latent-blind": CtColdOptions(ColdOptions(sees_end=False), at_end=0.25, own=0.0),
    "cold-unshuffle": CtColdOptions(ColdOptions("unshuffle")),
    "cold-pixel": CtColdOptions(PIXEL),
    "one-step": CtRegressionOptions(),
    "one-step-unshuffle": CtRegressionOptions(network=ColdOptions("unshuffle")),
    "one-step-pixel": CtRegressionOptions(network=PIXEL),
    "cold-latent-settled": CtColdOptions(**SETTLED),
    "one-step-settled": CtRegressionOptions(**SETTLED),
    "ddpm": CtDdpmOptions(),
    "red-cnn": CtRegressionOptions("red-cnn", batch=RED_CNN_BATCH, loss="mse"),
}
"""`cold-latent-blind` does not see the end point beside the state: nothing gives the clean image away there."""
FEWEST = 90
"""Seconds that must be left to begin a job: compilation cannot be cut short."""
EVERY = 30
"""Seconds between two lines."""
TOY_SIZE, TOY_VIEWS = 64, 90


def main() -> None:
    clock, given, device = Clock(), arguments(), training_device()
    sitting = Sitting(given.out, given.limit, clock)
    waiting = sitting.waiting(given.jobs)
    if waiting:
        bank, pairs = data(given, device, clock)
        sitting.run(waiting, lambda job: run(job, bank, pairs, sitting, given), FEWEST)


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "pack", "out")
    read = job_reader(f"NETWORK:SECONDS[:FILE], NETWORK one of {', '.join(JOBS)}", JOBS)
    parser.add_argument("jobs", nargs="+", type=read)
    parser.add_argument("--codec", type=str)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--config", type=Path, help="recipe of every job of this call")
    parser.add_argument("--every", type=float, default=15.0, help="seconds of training between validations")
    parser.add_argument("--realisations", type=int, default=4)
    parser.add_argument("--phantoms", type=int, default=32)
    parser.add_argument("--slices", type=int, default=4, help="held-out slices of a volume")
    parser.add_argument("--bank", type=Path, help="file that keeps the simulated noise")
    add_sitting(parser)
    return parser.parse_args()


def data(given: argparse.Namespace, device: torch.device, clock: Clock) -> tuple[PairBank, HeldOutPairs]:
    """The bank of pairs, simulated or as an earlier call kept it, and the held-out pairs."""
    volumes, others = read_ct_pack(given.pack, "train"), read_ct_pack(given.pack, "held-out")
    canvas = min(512, max(max(v.values.shape[1:]) for v in volumes))
    phantoms = phantom_volumes(given.phantoms, 0, canvas)
    noise = NoiseOptions(given.realisations)
    noise = replace(noise, views=TOY_VIEWS) if given.toy else noise
    options = PairOptions(noise, phantoms=given.phantoms, canvas=canvas)
    clock.say_data(volumes, others, device)
    everything = [*volumes, *phantoms]
    if given.bank is not None and given.bank.is_file():
        bank = kept_bank(given.bank, everything, options, device)
    else:
        bank = PairBank(everything, options, device)
        if given.bank is not None:
            keep_noise(bank, given.bank)
    clock.say(len(bank), "slices,", bank.noise.shape[1], "noise fields each,", bank.noise.nbytes // 2**20, "MiB")
    held_out = HeldOutOptions(slices=given.slices, canvas=canvas)
    if given.toy:
        held_out = replace(held_out, noise=replace(held_out.noise, views=TOY_VIEWS))
    return bank, held_out_pairs(others, held_out, device)


def recipe_of(job: Job, given: argparse.Namespace) -> Recipe:
    recipe = toy(JOBS[job.name]) if given.toy else JOBS[job.name]
    if given.config:
        recipe = updated(recipe, read_toml(given.config), str(given.config))
    loop = replace(recipe.loop, seconds=job.seconds, learning_rate=given.rate or recipe.loop.learning_rate)
    return replace(recipe, loop=loop, batch=given.batch or recipe.batch)


def toy(recipe: Recipe) -> Recipe:
    """The same at a size that a CPU trains in seconds."""
    size = {"size": TOY_SIZE, "batch": 2}
    if isinstance(recipe, CtCodecOptions):
        return replace(recipe, network=CodecOptions(width=16, encoder_blocks=1, decoder_blocks=1), **size)
    if isinstance(recipe, CtDdpmOptions):
        return replace(recipe, network=DdpmOptions(network=TINY, steps=50), **size)
    small = replace(recipe.network, network=TINY)
    if isinstance(recipe, CtRegressionOptions):
        return replace(recipe, network=small, red_cnn=RedCnnOptions(width=8), **size)
    return replace(recipe, network=small, **size)


def run(job: Job, bank: PairBank, pairs: HeldOutPairs, sitting: Sitting, given: argparse.Namespace) -> bool:
    """Train one network as far as the time allows; whether it is done."""
    recipe = recipe_of(job, given)
    file = given.codec or str(given.out / "codec.safetensors")
    codec = load_ct(file, bank.device) if works_in_latents(recipe) else None
    curve = Curve(job.name, recipe, codec, pairs, sitting, bank.device)
    trained = train_ct(
        bank,
        recipe,
        codec,
        start=weights.load(job.start)[0] if job.start else None,
        compiled=bank.device.type == "cuda" and not given.eager,
        checkpoint=sitting.checkpoint(job),
        watch=sitting.watch(job, snapshot_every=given.every),
        on_average=curve.validate,
        on_step=curve.see,
    )
    if sitting.cut_short(job, trained.run):
        return False
    stored = store(given.out, job.name, trained)
    kept = stored.record(
        recipe,
        bank.device,
        recipe=f"benchmarks/train_ct.py {job.name}",
        parameters=stored.parameters(),
        started_from=weights.load(job.start)[2] if job.start else None,
        validation=curve.rows,
        codec=None if codec is None else codec.sha256,
    )
    for form, tensors in stored.forms.items():
        prior = trained_prior(tensors, trained.settings, bank.device, job.name, codec, stored.sha256)
        found = held_out_rmse(prior, pairs)
        sitting.clock.say(job.name, trained.run.steps, "steps,", form, found)
        kept.add(**{f"validation_{form}": found})
    kept.add(finished=True)
    return True


class Curve:
    """RMSE in HU of one network by seconds of training; in the network's record while the run goes on."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        codec: CtPrior | None,
        pairs: HeldOutPairs,
        sitting: Sitting,
        device: torch.device,
    ) -> None:
        self.name, self.settings, self.codec = name, settings_for(recipe, codec), codec
        self.pairs, self.device, self.say = pairs, device, sitting.clock.say
        self.report, self.seconds = sitting.clock.report(name, EVERY), 0
        self.file = sitting.out / f"{name}.json"
        earlier = json.loads(self.file.read_text())["validation"] if self.file.is_file() else []
        self.rows: list[dict[str, float]] = earlier

    def see(self, progress: Progress) -> None:
        self.seconds = progress.done
        self.report(progress)

    def validate(self, step: int, averaged: Mapping[str, Tensor]) -> None:
        prior = trained_prior(averaged, self.settings, self.device, self.name, self.codec)
        found = held_out_rmse(prior, self.pairs)
        kept = [row for row in self.rows if row["steps"] < step]  # an interrupted call may have been ahead
        self.rows = [*kept, {"seconds": self.seconds, "steps": step, **found}]
        self.file.write_text(json.dumps({"validation": self.rows}))
        self.say(self.name, "step", step, {k: round(v, 2) for k, v in found.items()})


if __name__ == "__main__":
    main()
