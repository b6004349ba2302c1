"""Train the supervised control of the quality tables: an unrolled network on the priors' data, by the priors' loop.

python benchmarks/train_control.py PACK HELD_OUT OUT_DIR [--seconds 200 | --steps N]
                                   [--size 176] [--batch 16] [--rate 8e-4] [--iterations 6] [--tiny]

PACK and HELD_OUT are packs of volumes or folders of NIfTI files. OUT_DIR gets unrolled.safetensors and unrolled.json,
the run's record with the scores on HELD_OUT. The weights are not shipped; their rows are made in the run that trains:

medrecon bench mri --data VOLUMES -o OUT_DIR/control --methods unrolled --control OUT_DIR/unrolled.safetensors
"""

import argparse
from collections.abc import Sequence
from statistics import mean

import torch
from training_jobs import TINY, Clock, parser_of, training_device
from training_records import store

from medrecon.bench.cases import calibrated, scored, solved, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.runners import CONTROL, Runner, control, made
from medrecon.bench.sources import Volume
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks.unrolled import UnrolledOptions
from medrecon.progress import Progress
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_unrolled import MriUnrolledOptions, train_mri_unrolled
from medrecon.training.validation import ValidationOptions

EVERY = 20
"""Seconds between two lines."""
DEFAULTS = MriUnrolledOptions()


def main() -> None:
    clock, given, device = Clock(), arguments(), training_device()
    volumes, others = clock.mri_volumes(given.pack, given.held_out, device)
    options = recipe(given)
    trained = train_mri_unrolled(volumes, options, device, compiled=device.type == "cuda", on_step=Report(clock))
    run = trained.run
    clock.say(
        run.steps,
        "steps,",
        round(1000 * run.seconds / max(run.steps, 1)),
        "ms each, last losses",
        [round(entry.loss, 5) for entry in run.history[-3:]],
    )
    stored = store(given.out, CONTROL, trained, storage="fp16")
    kept = stored.record(options, device, parameters=stored.parameters())
    (runner,) = made(control(stored.file, device), CONTROL, {})
    kept.add(validation=validate(runner, others, ValidationOptions(), device))
    clock.say("foreground PSNR", kept.facts["validation"])


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "pack", "held_out", "out")
    parser.add_argument("--seconds", type=float, default=DEFAULTS.loop.seconds)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--size", type=int, default=DEFAULTS.size)
    parser.add_argument("--batch", type=int, default=DEFAULTS.batch)
    parser.add_argument("--rate", type=float, default=DEFAULTS.loop.learning_rate)
    parser.add_argument("--iterations", type=int, default=DEFAULTS.network.iterations)
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


def recipe(given: argparse.Namespace) -> MriUnrolledOptions:
    loop = LoopOptions(
        seconds=given.seconds, steps=given.steps, learning_rate=given.rate, warm_up=DEFAULTS.loop.warm_up
    )
    network = UnrolledOptions(network=TINY if given.tiny else DEFAULTS.network.network, iterations=given.iterations)
    return MriUnrolledOptions(network=network, size=given.size, batch=given.batch, loop=loop)


class Report:
    """Says how far training is, every `EVERY` seconds."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.said, self.steps = clock, -float(EVERY), 0

    def __call__(self, progress: Progress) -> None:
        self.steps += 1
        if self.clock.seconds - self.said >= EVERY:
            self.said = self.clock.seconds
            self.clock.say("step", self.steps, "at", progress.done, "of", progress.total)


def validate(
    runner: Runner, volumes: Sequence[TrainingVolume], options: ValidationOptions, device: torch.device
) -> dict[str, float]:
    """Mean foreground PSNR in dB by acceleration, under the conditions of the priors' validation."""
    return {
        f"psnr_foreground_r{accel:g}": mean(_psnr(runner, volume, accel, options, device) for volume in volumes)
        for accel in options.accels
    }


def _psnr(
    runner: Runner, volume: TrainingVolume, accel: float, options: ValidationOptions, device: torch.device
) -> float:
    condition = Condition(volume.name, 8, 40.0, options.slices, "random", accel, options.seed)
    scan = Volume(volume.name, lambda: volume).scan(condition)
    case = calibrated(undersampled(scan, condition), options.seed, device)
    image = solved(case.problem, runner, options.seed).solution.image
    magnitude = (image.abs() * case.problem.intensity).cpu() * case.problem.scale
    return scored(magnitude, case, slice(0, case.problem.n_slices))["mean"]["psnr_foreground"]


if __name__ == "__main__":
    main()
