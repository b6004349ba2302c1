"""Options of `medrecon train ct-…` that are no part of the recipes, and short names of some that are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True)
class TrainCt:
    """Options of the training run; the recipe's own defaults hold for everything else."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """The recipe (.toml), as in configs/ct-cold.toml."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="PACK", help_behavior_hint="")] = None
    """A CT pack (medrecon data pack-ct); its held-out volumes are not trained on."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("ct.safetensors")
    """Where the weights go; beside them a log (.csv), and the run's state until it is done."""
    codec: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """The codec whose latents a latent network works in, by name or file; the shipped one unless given."""
    validate: Annotated[Path | None, tyro.conf.arg(metavar="PACK", help_behavior_hint="")] = None
    """A CT pack: RMSE in HU on its held-out volumes at a quarter and a tenth of the dose, stored with the weights."""
    start: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Weights to go on from, by name or file, or the checkpoint of a run; with a fresh optimiser."""
    phantoms: int = 32
    """Textured phantoms beside the pack's slices; their noise-free truth is the target."""
    realisations: int = 4
    """Noise fields of every slice and kernel, simulated before training."""
    seconds: Annotated[float | None, tyro.conf.arg(metavar="NUMBER", help_behavior_hint="")] = None
    """Time budget of the training, simulation and compilation not counted; 240 unless given."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Budget in steps instead: on the CPU the same command gives the same file."""
    batch: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Images a step on each device; 32 unless given."""
    size: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Pixels a side of the crops; 256 unless given."""
    seed: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Of initial weights, simulated scans and noise; 0 unless given."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    devices: int = 1
    """How many GPUs, or processes on the CPU, train together; each draws batches of its own."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads."""
    compiled: bool = False
    """Compile the network first: a minute once, then about half the time a step."""
    checkpoint: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """State of the run, kept as it goes, from which the same command goes on. Unless given, beside the weights, and
    deleted when they are written."""
    tensorboard: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Where curves for TensorBoard go; needs the extra 'logs'."""
    storage: Literal["fp32", "fp16", "int8"] = "int8"
    """How the weights are stored."""

    @property
    def state(self) -> Path:
        """The checkpoint's file."""
        return self.checkpoint or self.out.with_suffix(".checkpoint")
