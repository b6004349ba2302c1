"""`medrecon simulate ct`: a CT volume at a lower dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

import tyro

import medrecon
from medrecon.cli.bar import progress_bar
from medrecon.cli.device import resolve
from medrecon.cli.parse import parse, parse_slices
from medrecon.errors import InputError

DESCRIPTION = """Add to a CT volume the noise that a lower dose would have had: its slices are projected by a fan beam,
noise is drawn for every ray, and that noise alone is projected back and added. The volume's own noise stays in it.

medrecon simulate ct chest.nii.gz -o chest_low.nii.gz --dose 0.25"""


@dataclass(frozen=True)
class SimulateCt:
    """Options of the simulator."""

    volume: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VOLUME")]
    """Folder of a CT series, .nii, .nii.gz or .npy in HU."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """Where the result goes: .nii.gz, .nii, .npy, .png, or for a DICOM series the name of a folder."""
    dose: float = 0.25
    """Fraction of the dose that the volume was taken with."""
    photons: float = 5.0e5
    """Photons a ray in air at the volume's own dose; the fewer, the noisier."""
    electronic: float = 10.0
    """Variance of the electronic noise, in photons^2."""
    kernel: Literal["hann", "ramp"] = "hann"
    """Of the backprojection: soft, or sharp and noisy."""
    seed: int = 0
    """Of the noise."""
    slices: Annotated[str | None, tyro.conf.arg(metavar="A:B", help_behavior_hint="")] = None
    """Only these slices, counted from 0, the last one excluded."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""


def run(argv: Sequence[str]) -> int:
    """Run the command; raises InputError before anything is written."""
    options = parse(SimulateCt, argv, "simulate ct", DESCRIPTION)
    _check(options)
    from medrecon.io import Derivation, check_volume_writable, load_volume, save_volume

    volume = load_volume(options.volume)
    check_volume_writable(options.out, volume)
    from medrecon.ct.dose import Scanner
    from medrecon.simulate.ct.low_dose import simulate_low_dose

    with progress_bar() as on_step:
        low = simulate_low_dose(
            volume,
            options.dose,
            scanner=Scanner(photons=options.photons, electronic=options.electronic, kernel=options.kernel),
            seed=options.seed,
            slices=parse_slices(options.slices),
            device=resolve(options.device),
            on_step=on_step,
        )
    made_by = Derivation(f"simulated-dose {options.dose:g}, seed {options.seed}", medrecon.__version__)
    save_volume(low.values, low, options.out, derivation=made_by)
    print(f"{options.out}: {low.n_slices} slices as at {options.dose:.0%} of their dose")
    return 0


def _check(options: SimulateCt) -> None:
    """What can be known to be wrong before any file is read."""
    if not 0 < options.dose <= 1:
        raise InputError(f"--dose is {options.dose:g}; give the fraction of full dose, above 0 and up to 1")
    if not (isfinite(options.photons) and options.photons > 0):
        raise InputError(f"--photons is {options.photons:g}; give a number above 0")
    if not (isfinite(options.electronic) and options.electronic >= 0):
        raise InputError(f"--electronic is {options.electronic:g}; give a variance of 0 or more")
    if options.seed < 0:
        raise InputError(f"--seed is {options.seed}; give a whole number of at least 0")
    if options.out.resolve() == options.volume.resolve():
        raise InputError(f"{options.out} is the input of this run; give the output a name of its own")
