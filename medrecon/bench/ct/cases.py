"""A condition of the CT bench made ready: the low-dose scan with and without lesions, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from medrecon.bench.ct.lesions import draw_lesions, lesion_difference
from medrecon.bench.ct.sources import CtScan, CtSource
from medrecon.bench.lesions import Lesion
from medrecon.ct.dose import DoseSimulator, Scanner
from medrecon.errors import InputError
from medrecon.evaluation.noise_power import NoiseSpectrum, Square, noise_spectrum, uniform_squares

_LESIONS = 0x1E5105
SCANNER = Scanner()


@dataclass(frozen=True)
class CtCondition:
    """One scan at one dose; `seed` draws noise and lesions, and the methods' own noise. `slices` are asked of it."""

    scan: str
    dose: float
    seed: int
    slices: int

    def __post_init__(self) -> None:
        if not 0 < self.dose < 1:
            raise InputError(f"--doses holds {self.dose:g}; give fractions of full dose, above 0 and below 1")

    def as_fields(self) -> dict[str, Any]:
        """As a row holds it."""
        return {"scan": self.scan, "dose": self.dose, "seed": self.seed, "simulated_slices": self.slices}


@dataclass(frozen=True, eq=False)
class CtCase:
    """One scan at one dose, ready for every method; all images `(slice, y, x)` in HU on the CPU.

    Attributes
    ----------
    low : the scan at the condition's dose.
    with_lesions : the same noise with lesions under it.
    difference : what the lesions are.
    reference, kind : what scores are taken against: "truth" of a phantom, the "full dose" scan of a patient.
    truth : of a phantom, None for a patient.
    texture : spectrum of the full-dose scan's noise in `squares`, whose texture a result is to have; None without any.
    """

    condition: CtCondition
    low: Tensor
    with_lesions: Tensor
    difference: Tensor
    lesions: tuple[tuple[Lesion, ...], ...]
    reference: Tensor
    kind: str
    truth: Tensor | None
    squares: tuple[Square, ...]
    full: Tensor
    voxel_mm: tuple[float, float, float]

    @property
    def pixel_mm(self) -> tuple[float, float]:
        return self.voxel_mm[1:]

    def spectrum(self, image: Tensor, part: slice) -> NoiseSpectrum | None:
        """Noise of `image`, which holds the slices `part` of the case; None where they have no uniform square."""
        place = {index: row for row, index in enumerate(range(len(self.low))[part])}
        squares = [(place[i], y, x) for i, y, x in self.squares if i in place]
        if not squares:
            return None
        noise = image if self.truth is None else image - self.truth[part]
        return noise_spectrum(noise, squares, self.pixel_mm)


def ct_case(source: CtSource, condition: CtCondition, device: torch.device) -> CtCase:
    """Simulate the condition on `device`; the same numbers are drawn on every device.

    Lesions change the signal alone: they are added to the low-dose scan, so that its noise is that of the scan without.
    Raises InputError for slices that cannot be simulated.
    """
    scan = source.scan(condition.slices)
    # 32 bits: a generator of the CPU takes no notice of further ones
    generator = torch.Generator().manual_seed(crc32(f"{condition.scan} {condition.dose} {condition.seed}".encode()))
    simulator = DoseSimulator(SCANNER, _shape(scan), scan.voxel_mm[1:], device)
    full = _at_full_dose(scan, simulator, generator)
    low = _measured(simulator.low_dose(full, condition.dose, generator).cpu(), scan)
    lesions, difference = _lesions(scan, condition)
    return CtCase(
        condition=condition,
        low=low,
        with_lesions=low + difference,
        difference=difference,
        lesions=lesions,
        reference=scan.values,
        kind="truth" if scan.noise_free else "full dose",
        truth=scan.values if scan.noise_free else None,
        squares=tuple(uniform_squares(scan.values)),
        full=full,
        voxel_mm=scan.voxel_mm,
    )


def _at_full_dose(scan: CtScan, simulator: DoseSimulator, generator: torch.Generator) -> Tensor:
    """The scan itself, or the truth with all the noise of full dose."""
    if not scan.noise_free:
        return scan.values
    quantum, electronic = simulator.components(scan.values, generator)
    return scan.values + (quantum + electronic).cpu()


def _measured(image: Tensor, scan: CtScan) -> Tensor:
    """`image` with what the scanner never measured as it was."""
    return image if scan.unmeasured is None else torch.where(scan.unmeasured, scan.values, image)


def _shape(scan: CtScan) -> tuple[int, int]:
    return scan.values.shape[-2], scan.values.shape[-1]


def _lesions(scan: CtScan, condition: CtCondition) -> tuple[tuple[tuple[Lesion, ...], ...], Tensor]:
    """Lesions of each slice, the same at every dose, and their images."""
    lesions, images = [], []
    for index, image in enumerate(scan.values.double().numpy()):
        generator = np.random.default_rng([condition.seed, crc32(condition.scan.encode()), index, _LESIONS])
        found = draw_lesions(image, index, scan.voxel_mm[1:], generator)
        lesions.append(tuple(found))
        images.append(lesion_difference(found, _shape(scan), scan.voxel_mm[1:]))
    return tuple(lesions), torch.from_numpy(np.stack(images)).float()
