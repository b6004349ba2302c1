"""Train the CT networks one after the other, by seconds of GPU, and write how far each was when.

python benchmarks/train_ct.py PACK OUT_DIR codec:240 cold-latent:240 cold-pixel:240 one-step:240 ddpm:240 red-cnn:240
                              [--limit 560] [--bank FILE] [--codec FILE] [--batch N] [--rate R] [--toy]

A job is network:seconds, or network:seconds:file to go on from weights, as `cold-latent-settled` and
`one-step-settled` do, whose budget is 400 steps: their recipe takes out the lattice that int8 leaves. PACK is a CT pack
with a held-out part (medrecon data pack-ct). OUT_DIR gets NETWORK.safetensors, 8 bits a weight, and NETWORK.json, the
run's record: `validation` has the RMSE in HU on held-out slices by seconds of training, off its clock, so that the
minutes to another network's final RMSE can be read off. A DDPM's is that of 20 DDIM steps; a codec's that of its round
trip.

After --limit seconds the run ends with a checkpoint, and the same command goes on from there; finished jobs are passed
over. --bank keeps the simulated noise between such calls. Latent networks take OUT_DIR/codec.safetensors, or --codec.
--toy rehearses all of it on a CPU.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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
from medrecon.networks.unet import UNetOptions
from medrecon.progress import Progress
from medrecon.provenance import versions
from medrecon.training.config import read_toml, updated
from medrecon.training.ct.options import CtCodecOptions, CtColdOptions, CtDdpmOptions, CtRegressionOptions
from medrecon.training.ct.train import Recipe, held_out_rmse, settings_for, train_ct, trained_prior, works_in_latents
from medrecon.training.loop import LoopOptions
from medrecon.training.watch import Watch

PIXEL = ColdOptions("pixel", network=pixel_network())
RED_CNN_BATCH = 16
SETTLED: dict[str, Any] = {"batch": 8, "decoded": 1.0, "lattice": 1000.0, "vectors_only": True,
                           "loop": LoopOptions(steps=400, learning_rate=1e-3, warm_up=20, horizon=0.1)}  # fmt: skip
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
TINY = UNetOptions(widths=(16, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=16)
TOY_SIZE, TOY_VIEWS = 64, 90


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
    bank, pairs = data(given, device)
    for job in waiting:
        if given.limit - (time.monotonic() - BEGAN) < FEWEST:
            say("no time left for", job, "- run again to go on")
            return
        name, seconds, start = (*job.split(":"), "")[:3]
        if not run(name, float(seconds), start, bank, pairs, given):
            return


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--limit", type=float, default=560.0, help="seconds of this call")
    parser.add_argument("--codec", type=str)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--config", type=Path, help="recipe of every job of this call")
    parser.add_argument("--every", type=float, default=15.0, help="seconds of training between validations")
    parser.add_argument("--realisations", type=int, default=4)
    parser.add_argument("--phantoms", type=int, default=32)
    parser.add_argument("--slices", type=int, default=4, help="held-out slices of a volume")
    parser.add_argument("--bank", type=Path, help="file that keeps the simulated noise")
    parser.add_argument("--eager", action="store_true", help="do not compile, on CUDA either")
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    wrong = [job for job in given.jobs if job.split(":")[0] not in JOBS or job.count(":") not in (1, 2)]
    if wrong:
        parser.error(f"'{wrong[0]}' is no job; give NETWORK:SECONDS[:FILE], NETWORK one of {', '.join(JOBS)}")
    return given


def data(given: argparse.Namespace, device: torch.device) -> tuple[PairBank, HeldOutPairs]:
    """The bank of pairs, simulated or as an earlier call kept it, and the held-out pairs."""
    volumes, others = read_ct_pack(given.pack, "train"), read_ct_pack(given.pack, "held-out")
    canvas = min(512, max(max(v.values.shape[1:]) for v in volumes))
    phantoms = phantom_volumes(given.phantoms, 0, canvas)
    noise = NoiseOptions(given.realisations)
    noise = replace(noise, views=TOY_VIEWS) if given.toy else noise
    options = PairOptions(noise, phantoms=given.phantoms, canvas=canvas)
    say(len(volumes), "volumes,", len(others), "held out, on", versions(device).get("gpu", "cpu"))
    everything = [*volumes, *phantoms]
    if given.bank is not None and given.bank.is_file():
        bank = kept_bank(given.bank, everything, options, device)
    else:
        bank = PairBank(everything, options, device)
        if given.bank is not None:
            keep_noise(bank, given.bank)
    say(len(bank), "slices,", bank.noise.shape[1], "noise fields each,", bank.noise.nbytes // 2**20, "MiB")
    held_out = HeldOutOptions(slices=given.slices, canvas=canvas)
    if given.toy:
        held_out = replace(held_out, noise=replace(held_out.noise, views=TOY_VIEWS))
    return bank, held_out_pairs(others, held_out, device)


def recipe_of(name: str, seconds: float, given: argparse.Namespace) -> Recipe:
    recipe = toy(JOBS[name]) if given.toy else JOBS[name]
    if given.config:
        recipe = updated(recipe, read_toml(given.config), str(given.config))
    loop = replace(recipe.loop, seconds=seconds, learning_rate=given.rate or recipe.loop.learning_rate)
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


def run(name: str, seconds: float, start: str, bank: PairBank, pairs: HeldOutPairs, given: argparse.Namespace) -> bool:
    """Train one network as far as the time allows; whether it is done."""
    recipe = recipe_of(name, seconds, given)
    file = given.codec or str(given.out / "codec.safetensors")
    codec = load_ct(file, bank.device) if works_in_latents(recipe) else None
    record = Record(name, start, recipe, codec, pairs, given.out / f"{name}.json", bank.device)
    compiled = bank.device.type == "cuda" and not given.eager
    trained = train_ct(
        bank,
        recipe,
        codec,
        start=weights.load(start)[0] if start else None,
        compiled=compiled,
        checkpoint=given.out / f"{name}.checkpoint",
        watch=Watch(
            on_resume=lambda step: say(name, "goes on at step", step),
            snapshot_every=given.every,
            stop=lambda: time.monotonic() - BEGAN > given.limit,
        ),
        on_average=record.validate,
        on_step=record.see,
    )
    if trained.run.interrupted:
        say(name, "stopped at", round(trained.run.seconds), "of", seconds, "s; run again to go on")
        return False
    record.finish(trained.weights, trained.settings, trained.run, given.out / f"{name}.safetensors")
    (given.out / f"{name}.checkpoint").unlink()
    return True


class Record:
    """The record of one network, written whenever it grows."""

    def __init__(
        self,
        name: str,
        start: str,
        recipe: Recipe,
        codec: CtPrior | None,
        pairs: HeldOutPairs,
        file: Path,
        device: torch.device,
    ) -> None:
        self.name, self.start, self.recipe = name, start, recipe
        self.codec, self.pairs, self.file, self.device = codec, pairs, file, device
        self.seconds, self.said = 0, 0
        earlier = json.loads(file.read_text())["validation"] if file.is_file() else []
        self.rows: list[dict[str, float]] = earlier

    def see(self, progress: Progress) -> None:
        self.seconds = progress.done
        if progress.stage == "training" and progress.done >= self.said:
            self.said = progress.done + 30
            say(self.name, progress.done, "of", progress.total, "s")

    def validate(self, step: int, averaged: Mapping[str, Tensor]) -> None:
        settings = settings_for(self.recipe, self.codec)
        prior = trained_prior(averaged, settings, self.device, self.name, self.codec)
        found = held_out_rmse(prior, self.pairs)
        kept = [row for row in self.rows if row["steps"] < step]  # an interrupted call may have been ahead
        self.rows = [*kept, {"seconds": self.seconds, "steps": step, **found}]
        self.file.write_text(json.dumps({"validation": self.rows}))
        say(self.name, "step", step, {k: round(v, 2) for k, v in found.items()})

    def finish(self, averaged: Mapping[str, Tensor], settings: Mapping[str, Any], run: Any, file: Path) -> None:
        """Weights and the whole record, with the RMSE as trained and as stored."""
        sha256 = weights.save(file, averaged, settings, "int8")
        facts = {
            "recipe": f"benchmarks/train_ct.py {self.name}",
            "options": asdict(self.recipe),
            "parameters": sum(value.numel() for value in averaged.values()),
            "started_from": weights.load(self.start)[2] if self.start else None,
            "steps": run.steps,
            "seconds": run.seconds,
            "history": run.history,
            "validation": self.rows,
            "codec": None if self.codec is None else self.codec.sha256,
            "sha256": sha256,
            "versions": versions(self.device),
        }
        for storage, tensors in (("trained", averaged), ("int8", weights.load(file)[0])):
            prior = trained_prior(tensors, settings, self.device, self.name, self.codec, sha256)
            facts[f"validation_{storage}"] = held_out_rmse(prior, self.pairs)
            say(self.name, run.steps, "steps,", storage, facts[f"validation_{storage}"])
        self.file.write_text(json.dumps(facts | {"finished": True}))


def finished(file: Path) -> bool:
    return file.is_file() and bool(json.loads(file.read_text()).get("finished"))


if __name__ == "__main__":
    BEGAN = time.monotonic()
    main()
