"""Options of `medrecon batch`: those of the run, then those of `medrecon mri` or `medrecon ct` for any file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Folder = tyro.conf.Positional[Path | None]


@dataclass(frozen=True)
class Batch:
    """Options of the run."""

    in_dir: Annotated[Folder, tyro.conf.arg(metavar="IN_DIR", help_behavior_hint="")] = None
    """The folder of inputs."""
    out_dir: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="OUT_DIR", help_behavior_hint="")] = (
        None
    )
    """The folder of results: a new one, unless --resume is given."""
    pattern: Annotated[str | None, tyro.conf.arg(metavar="GLOB", help_behavior_hint="")] = None
    """Which files of IN_DIR. Unless given, *.h5 for MRI; for CT NIfTI, and folders at any depth that hold DICOM."""
    shard: Annotated[str | None, tyro.conf.arg(metavar="I/N", help_behavior_hint="")] = None
    """Only the I-th of N equal parts, I from 0 to N - 1: one for each machine or task of a Slurm array."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Processes. Unless given two for each GPU of 32 GiB or more, one for a smaller one, or as many as the CPU has
    cores for, at most 4: each holds a volume. Actors of Ray: one for each GPU, or what its cores allow."""
    engine: Literal["local", "ray"] = "local"
    """local: processes of this machine; ray: actors of the Ray cluster that RAY_ADDRESS names, or that runs here."""
    resume: bool = False
    """Go on with a run that was broken off, or with files that are new or failed; with the same options."""
    seed: int = 0
    """Of the masks and of methods that draw."""
    slices: Annotated[str | None, tyro.conf.arg(metavar="A:B", help_behavior_hint="")] = None
    """Only these slices of each file, counted from 0, the last one excluded."""
    device: str = "auto"
    """auto, cpu, cuda (all GPUs) or cuda:N, with --engine ray without a number."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads of each worker, which results on the CPU depend on: 1 there unless given, whatever the number of
    workers. They are stored with the results."""
    prior: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Trained network by name or file; unless given, the one that is shipped."""


@dataclass(frozen=True)
class BatchMri(Batch):
    """With those of `medrecon mri`."""

    method: str = "spirit"
    """One of medrecon mri or medrecon ct; --help after it shows its options. tv is that of CT where --dose is given."""
    accel: Annotated[float | None, tyro.conf.arg(metavar="R", help_behavior_hint="")] = None
    """Net acceleration of fully sampled scans; 4 unless given."""
    mask: Annotated[str | None, tyro.conf.arg(metavar="KIND|FILE", help_behavior_hint="")] = None
    """Sampling pattern by name, or a file: .npy, or 'mask' in .mat or .h5, as in medrecon mri."""
    acs: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Fully sampled lines at the centre; 20 down to 12 unless given, by the acceleration."""
    pick: Annotated[str | None, tyro.conf.arg(metavar="NAME=N,...", help_behavior_hint="")] = None
    """Which volume of files that hold several, the same of each: encoding, contrast, phase, repetition, set, group
    (ISMRMRD, twix), or variable (MATLAB)."""
    holdout: bool = False
    """Reconstruct a second time without 5 % of the samples and score the prediction of them."""


@dataclass(frozen=True)
class BatchCt(Batch):
    """With those of `medrecon ct`."""

    method: str = "cold-latent"
    """One of medrecon mri or medrecon ct; --help after it shows its options. tv is that of CT where --dose is given."""
    dose: Annotated[float | None, tyro.conf.arg(metavar="K", help_behavior_hint="")] = None
    """Fraction of full dose, above 0 and up to 1, at which the volumes were taken."""
    keep_identity: bool = False
    """Keep the patient's name and other identity in derived DICOM series; they are left out unless asked for."""
