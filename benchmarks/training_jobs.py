"""What the training programs share before and around a job: arguments, device, lines, and the time of one call.

A job is NETWORK:SECONDS[:START[:TEACHER]]. A call trains one after the other as far as its time allows; the next one
goes on from the checkpoint and passes over what is done (`training_records.finished`).
"""

import argparse
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from training_records import finished

from medrecon.datasets.pack import every_volume, training_volumes
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks.unet import UNetOptions
from medrecon.progress import OnStep, Progress
from medrecon.provenance import versions
from medrecon.training.loop import Trained
from medrecon.training.watch import Watch

TINY = UNetOptions(widths=(16, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=16)
"""For a rehearsal on a CPU."""
LIMIT = 560.0
"""Seconds of one call, unless given."""


@dataclass(frozen=True)
class Job:
    """The network `name` for `seconds`, from the weights `start` and by the prior `teacher` where there are any."""

    text: str
    name: str
    seconds: float
    start: str = ""
    teacher: str = ""


def job_reader(form: str, names: Collection[str] = (), most: int = 3) -> Callable[[str], Job]:
    """The `type` of an argument: a job of 2 to `most` parts, one of `names` if there are any; or `form` is told."""

    def read(text: str) -> Job:
        name, *further = text.split(":")
        if name and (not names or name in names) and 1 <= len(further) < most and _is_budget(further[0]):
            return Job(text, name, float(further[0]), *further[1:])
        raise argparse.ArgumentTypeError(f"'{text}' is no job; give {form}")

    return read


def _is_budget(text: str) -> bool:
    try:
        return isfinite(float(text)) and float(text) >= 0
    except ValueError:
        return False


def parser_of(words: str | None, *paths: str) -> argparse.ArgumentParser:
    """A parser that shows the program's docstring, its paths already in it."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    for path in paths:
        parser.add_argument(path, type=Path)
    return parser


def add_sitting(parser: argparse.ArgumentParser) -> None:
    """The arguments of programs that go on where a call was cut short."""
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds of this call")
    parser.add_argument("--eager", action="store_true", help="do not compile, on CUDA either")
    parser.add_argument("--toy", action="store_true")


def training_device() -> torch.device:
    """CUDA where there is any, set for speed as in `medrecon train`."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Clock:
    """Seconds since it was made; lines on the terminal begin with them."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, *words: object) -> None:
        print(f"[{self.seconds:5.0f} s]", *words, flush=True)

    def say_data(self, volumes: Sequence[Any], others: Sequence[Any], device: torch.device) -> None:
        self.say(len(volumes), "volumes,", len(others), "held out, on", versions(device).get("gpu", "cpu"))

    def mri_volumes(
        self, pack: Path, held_out: Path, device: torch.device
    ) -> tuple[list[TrainingVolume], list[TrainingVolume]]:
        """Volumes to train on and to score with, from packs or folders."""
        volumes, others = training_volumes(pack), every_volume(held_out)
        self.say_data(volumes, others, device)
        return volumes, others

    def say_losses(self, name: str, run: Trained) -> None:
        self.say(name, "steps", run.steps, "last losses", [round(entry.loss, 4) for entry in run.history[-3:]])

    def report(self, name: str, every: int = 20) -> OnStep:
        """Says how far a run is, every so many seconds of training."""
        due = 0

        def tell(progress: Progress) -> None:
            nonlocal due
            if progress.done >= due:
                due = progress.done + every
                self.say(name, progress.done, "of", progress.total, "s")

        return tell


@dataclass(frozen=True)
class Sitting:
    """One call of a program that leaves its work in `out` and ends `limit` seconds after `clock` began."""

    out: Path
    limit: float = LIMIT
    clock: Clock = field(default_factory=Clock)

    def waiting(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that no earlier call has finished; says so where there are none."""
        self.out.mkdir(parents=True, exist_ok=True)
        left = [job for job in jobs if not finished(self.out / f"{job.name}.json")]
        if not left:
            self.clock.say("every job is done")
        return left

    def run(self, jobs: Sequence[Job], train: Callable[[Job], bool], fewest: float) -> None:
        """`train` one after the other until it says that one is not done, or under `fewest` seconds are left.

        Compilation cannot be cut short, so that a job is not begun near the end.
        """
        for job in jobs:
            if self.limit - self.clock.seconds < fewest:
                self.clock.say("no time left for", job.text, "- run again to go on")
                return
            if not train(job):
                return
            self.checkpoint(job).unlink(missing_ok=True)

    def checkpoint(self, job: Job) -> Path:
        return self.out / f"{job.name}.checkpoint"

    def watch(self, job: Job, **further: Any) -> Watch:
        """Says where the job goes on, and ends it when the time is up."""
        return Watch(
            on_resume=lambda step: self.clock.say(job.name, "goes on at step", step),
            stop=lambda: self.clock.seconds > self.limit,
            **further,
        )

    def cut_short(self, job: Job, run: Trained) -> bool:
        """Whether the time was up before the job's budget was spent; says so."""
        if run.interrupted:
            self.clock.say(job.name, "stopped at", round(run.seconds), "of", job.seconds, "s; run again to go on")
        return run.interrupted
