"""Noise level of k-space, from what was measured: a prescan, outer samples, or the null space of the ACS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.calibration.windows import unfold, window_gram
from medrecon.crop import centre_crop
from medrecon.masks.acs import acs_size
from medrecon.scan import Scan

PRESCAN = "noise prescan"
OUTER = "outer sampled k-space (median absolute deviation)"
NULL_SPACE = "null space of the ACS (median over its filtered ends)"

OUTER_SHARE = 0.2
MIN_SAMPLES = 64
WIDTH = 5
MAX_LINES = 24
MIN_LENGTH = 16
NORMAL_MAD = 1.482602218505602  # standard deviation of a normal variable over its median absolute value


@final
@dataclass(frozen=True, eq=False)
class NoiseLevel:
    """Noise of a scan, in its own units.

    Attributes
    ----------
    sigma : `(slice,)` standard deviation per real component, mean square over coils.
    covariance : `(coil, coil)` E[n n^H] where a prescan gave it (its diagonal is twice sigma_c^2), else None.
    source : how it was found, in words.
    """

    sigma: Tensor
    covariance: Tensor | None
    source: str


def noise_level(scan: Scan, acs: tuple[int, int] | None = None) -> NoiseLevel:
    """From the prescan if there is one; else the smaller of two estimates that signal can only raise.

    1. Outer sampled k-space: median absolute value over the outermost 20 % of the *sampled* points.
    2. Null space of the ACS: window vectors orthogonal to the signal in the middle of the ACS, applied to its two
       ends, where signal is weak anyway; noise passes unchanged since these vectors have norm 1.
    Points that were never sampled are never read.
    """
    if scan.noise is not None and scan.noise.shape[-1] > scan.n_coils:
        covariance = prescan_covariance(scan.noise)
        sigma = (covariance.diagonal().real.mean() / 2).sqrt().to(scan.kspace.real.dtype)
        return NoiseLevel(sigma.to(scan.kspace.device).expand(scan.n_slices).clone(), covariance, PRESCAN)
    acs = acs_size(scan.mask, scan.lattice, scan.phase_axes) if acs is None else acs
    outer = outer_level(scan.kspace, scan.mask & scan.lattice)
    null = null_space_level(scan.kspace, acs)
    if null is None:
        return NoiseLevel(outer, None, OUTER)
    source = NULL_SPACE if float(null.median()) < float(outer.median()) else OUTER
    return NoiseLevel(torch.minimum(outer, null), None, source)


def prescan_covariance(noise: Tensor) -> Tensor:
    """E[n n^H] `(coil, coil)` in complex128 of prescan samples `(coil, n)`."""
    noise = noise.to(torch.complex128)
    noise = noise - noise.mean(-1, keepdim=True)
    return noise @ noise.mH / (noise.shape[-1] - 1)


def outer_level(kspace: Tensor, sampled: Tensor) -> Tensor:
    """Robust standard deviation `(slice,)` of the outermost sampled points of `(slice, coil, y, x)`."""
    points = sampled.nonzero()
    centre = torch.tensor([n // 2 for n in sampled.shape], device=points.device)
    extent = torch.tensor(sampled.shape, device=points.device) / 2
    radius = torch.linalg.vector_norm((points - centre) / extent, dim=-1)
    keep = min(len(points), max(MIN_SAMPLES, round(OUTER_SHARE * len(points))))
    y, x = points[radius.argsort(descending=True, stable=True)[:keep]].unbind(-1)
    values = torch.view_as_real(kspace[..., y, x].resolve_conj()).flatten(1).abs()
    return NORMAL_MAD * values.median(-1).values


def null_space_level(kspace: Tensor, acs: tuple[int, int]) -> Tensor | None:
    """Standard deviation `(slice,)` of the ends of the ACS behind the null-space filters of its middle.

    The ACS is read along its longer side: filters from the middle, noise from the two ends. None where that side
    is too short (below 16 points). A square of 16 to 32 leaves little room: there windows are 3 wide, and signal may
    raise the level by some 10 %. Where the noise of the coils is correlated (0.1-0.4) and not whitened, filters
    prefer its weaker mixtures: the level comes out some 10 % low.
    """
    lines = min(MAX_LINES, *acs)
    block = centre_crop(kspace, (lines, acs[1]) if acs[0] <= acs[1] else (acs[0], lines))
    if block.shape[-2] > block.shape[-1]:
        block = block.mT
    length = block.shape[-1]
    if length < MIN_LENGTH:
        return None
    width, end = (WIDTH, length // 4) if length >= 8 * WIDTH else (3, length // 3)
    kernel = (min(width, block.shape[-2]), width)
    _, vectors = torch.linalg.eigh(window_gram(block[..., end : length - end], kernel))
    share = 2 if kspace.shape[1] > 1 else 4  # one coil has a null space only where the field of view is empty
    filters = vectors[..., : max(1, vectors.shape[-1] // share)].mH
    ends = torch.cat([unfold(part, kernel) for part in (block[..., :end], block[..., length - end :])], -1)
    power = (filters @ ends).abs().square().flatten(1).median(-1).values
    return (power / (2 * math.log(2))).sqrt()
