"""A CT volume as a scan at a lower dose would have shown it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from medrecon.ct.dose import DoseSimulator, Scanner
from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent
from medrecon.volume import AIR, Volume

_NOISE = 0xD05E


def slice_generator(seed: int, index: int) -> torch.Generator:
    """The noise of slice `index` of a volume, whatever else is simulated with it."""
    (state,) = np.random.SeedSequence([seed, _NOISE, index]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) >> 1)


def simulate_low_dose(
    volume: Volume,
    dose: float,
    *,
    scanner: Scanner | None = None,
    seed: int = 0,
    slices: tuple[int | None, int | None] = (None, None),
    device: torch.device | str = "cpu",
    on_step: OnStep = silent,
) -> Volume:
    """`volume` with the noise added that the fraction `dose` of its own dose would have had; values on the CPU.

    Noise is drawn on the CPU from (seed, slice number): a range of slices has the bits of the whole. Padding stays.
    Raises InputError for a dose outside (0, 1], a negative seed, an empty range, slices too small or large for a body.
    """
    if seed < 0:
        raise InputError(f"the seed is {seed}; give 0 or more")
    first = range(volume.n_slices)[slice(*slices)]
    volume = volume.slices(*slices)
    shape, (_, y_mm, x_mm) = tuple(volume.values.shape[1:]), volume.voxel_mm
    simulator = DoseSimulator(scanner or Scanner(), (shape[0], shape[1]), (y_mm, x_mm), device)
    values = torch.empty(volume.values.shape)
    for i in range(volume.n_slices):
        hu = volume.values[i : i + 1]
        values[i] = simulator.low_dose(hu, dose, slice_generator(seed, first[i]))[0].cpu()
        on_step(Progress("dose", i + 1, volume.n_slices))
    if volume.padding is not None:
        values[volume.padding] = AIR
    return replace(volume, values=values)
