"""Photon counts of a scan: drawn from noise-free line integrals, thinned to a lower dose, and back to line integrals.

For phantoms and count data. Patient slices are noisy already: `DoseSimulator` adds what a lower dose would add.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FEWEST = 1.0
"""What a ray counts at least, so that its logarithm exists."""


def transmitted(line_integrals: Tensor, photons: float, generator: torch.Generator) -> Tensor:
    """Poisson counts of rays whose noise-free line integrals are given; `photons` reach the detector through air.

    At dose k give `k * photons`, here and to `line_integrals_of`.
    """
    expected = (photons * torch.exp(-line_integrals)).to(generator.device)
    return torch.poisson(expected, generator=generator).to(line_integrals.device)


def thinned(counts: Tensor, dose: float, generator: torch.Generator) -> Tensor:
    """Counts at `dose` times the dose of Poisson `counts`: each photon is kept with that probability, which is exact.

    Before electronic noise is added: it is no share of the photons.
    """
    counts = counts.to(generator.device)
    return torch.binomial(counts, torch.full_like(counts, dose), generator=generator).to(counts.device)


def with_electronic_noise(counts: Tensor, variance: float, generator: torch.Generator) -> Tensor:
    """Counts plus normal noise of `variance` in photons^2 (not its root, not the root's root)."""
    noise = torch.randn(counts.shape, generator=generator, device=generator.device, dtype=counts.dtype)
    return counts + math.sqrt(variance) * noise.to(counts.device)


def line_integrals_of(counts: Tensor, photons: float) -> Tensor:
    """-ln(n / photons), where `photons` is the air count *of this scan*: k times the full-dose one at dose k.

    Counts below one, which electronic noise makes of starved rays, count as one: the most attenuating ray there is,
    not air.
    """
    return -torch.log(counts.clamp_min(FEWEST) / photons)
