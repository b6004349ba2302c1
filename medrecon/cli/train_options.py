"""Options of `medrecon train mri-image` that are no part of the recipe, and short names of some that are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True)
class TrainMriImage:
    """Options of the training run; the recipe's own defaults hold for everything else."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """The recipe (.toml), as in configs/mri-image.toml."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="PACK|DIR", help_behavior_hint="")] = None
    """A pack of volumes (.h5), or a folder of NIfTI volumes; held-out volumes of a pack are not trained on."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("prior.safetensors")
    """Where the weights go; beside them a log (.csv), sample sheets, and the run's state until it is done."""
    validate: Annotated[Path | None, tyro.conf.arg(metavar="PACK|DIR", help_behavior_hint="")] = None
    """Volumes of other subjects: loss and PSNR at R 4 and 8 on them, printed at the end and stored with the weights."""
    start: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Weights to go on from, by name or file, or the checkpoint of a run; with a fresh optimiser."""
    teacher: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """A larger prior, by name or file, that a small network learns to imitate: sooner good than from images alone."""
    network: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """large for CUDA (unless given), small for the CPU; --network.widths and so on for one of your own."""
    seconds: Annotated[float | None, tyro.conf.arg(metavar="NUMBER", help_behavior_hint="")] = None
    """Time budget of the training, compilation not counted; 600 unless given."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Budget in steps instead: on the CPU the same command gives the same file."""
    batch: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Images a step on each device; 64 unless given."""
    size: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Pixels a side of the training images; 256 unless given."""
    seed: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Of initial weights, augmentation and noise; 0 unless given."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    devices: int = 1
    """How many GPUs, or processes on the CPU, train together; each draws batches of its own."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads."""
    compiled: bool = False
    """Compile the network first: minutes once, then about half the time a step."""
    checkpoint: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """State of the run, kept as it goes, from which the same command goes on. Unless given, beside the weights, and
    deleted when they are written."""
    sheets: float = 300.0
    """Seconds from one sample sheet to the next; 0 for none."""
    tensorboard: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Where curves for TensorBoard go; needs the extra 'logs'."""
    storage: Literal["fp32", "fp16", "int8"] = "fp16"
    """How the weights are stored."""

    @property
    def state(self) -> Path:
        """The checkpoint's file."""
        return self.checkpoint or self.out.with_suffix(".checkpoint")
