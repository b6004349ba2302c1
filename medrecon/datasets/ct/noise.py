"""The noise of lower doses for every training slice, simulated once, so that training draws pairs at no cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from medrecon.ct.dose import DoseSimulator, Scanner
from medrecon.datasets.ct.volume import CtVolume
from medrecon.errors import InputError
from medrecon.operators.fan_beam import FanGeometry
from medrecon.progress import OnStep, Progress, silent

CHUNK = 16
"""Slices that are simulated together."""


@dataclass(frozen=True)
class NoiseOptions:
    """How the bank's noise is drawn.

    realisations : of every slice and kernel.
    kernels : of the backprojection.
    cutoffs : of the Hann window, uniform between, share of the detector's Nyquist frequency.
    photons : a ray in air at full dose, log-uniform between: half and twice the default scanner's.
    electronic : variance of the electronic noise in photons^2, uniform between.
    distance : spread of the source's distance and of the pitch, as shares of the scanner's own.
    views : views a turn.
    """

    realisations: int = 4
    kernels: tuple[str, ...] = ("ramp", "hann")
    cutoffs: tuple[float, float] = (0.7, 1.0)
    photons: tuple[float, float] = (2.5e5, 1e6)
    electronic: tuple[float, float] = (8.0, 12.0)
    distance: float = 0.03
    views: int = 984


def standard_noise() -> NoiseOptions:
    """One field of the default scanner, nothing jittered: what held-out slices are measured with."""
    own = Scanner()
    return NoiseOptions(
        realisations=1,
        kernels=(own.kernel,),
        cutoffs=(own.cutoff, own.cutoff),
        photons=(own.photons, own.photons),
        electronic=(own.electronic, own.electronic),
        distance=0.0,
    )


def noise_components(
    volume: CtVolume, options: NoiseOptions, device: torch.device, generator: torch.Generator, on_step: OnStep = silent
) -> Tensor:
    """`(slice, variant, 2, y, x)` float16 HU: quantum and electronic noise, a variant each kernel and realisation.

    Each variant has a scanner of its own. Raises InputError for pixels that are not in mm.
    """
    _, y, x = volume.values.shape
    scanners = list(drawn_scanners(options, generator))
    found = torch.empty((len(volume.values), len(scanners), 2, y, x), dtype=torch.float16, device=device)
    for variant, scanner in enumerate(scanners):
        simulator = DoseSimulator(scanner, (y, x), volume.voxel_mm[1:], device)
        for start in range(0, len(found), CHUNK):
            hu = volume.values[start : start + CHUNK].to(device, torch.float32)
            parts = simulator.components(hu, generator)
            found[start : start + CHUNK, variant] = torch.stack(parts, 1).clamp(-6e4, 6e4).half()
            on_step(Progress("simulating doses", variant * len(found) + start, len(scanners) * len(found)))
    return found


def drawn_scanners(options: NoiseOptions, generator: torch.Generator) -> Iterator[Scanner]:
    """One scanner a variant, kernel by kernel."""
    for kernel in options.kernels:
        for _ in range(options.realisations):
            yield _scanner(kernel, options, generator)


def _scanner(kernel: str, options: NoiseOptions, generator: torch.Generator) -> Scanner:
    if kernel not in ("ramp", "hann"):
        raise InputError(f"noise.kernels names '{kernel}'; choose ramp or hann")
    u = torch.rand(6, generator=generator, device=generator.device).tolist()
    own = FanGeometry()
    nearer, finer = (1 + options.distance * (2 * v - 1) for v in u[:2])
    geometry = replace(
        own,
        views=options.views,
        source_mm=own.source_mm * nearer,
        pitch=own.pitch * finer,
        start=2 * math.pi * u[2],
    )
    low, high = options.photons
    return Scanner(
        geometry=geometry,
        photons=low * (high / low) ** u[3],
        electronic=_between(options.electronic, u[4]),
        kernel=kernel,  # type: ignore[arg-type]
        cutoff=_between(options.cutoffs, u[5]) if kernel == "hann" else 1.0,
    )


def _between(ends: Sequence[float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
