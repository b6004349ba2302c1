"""Calibrations that are wrong in one stated way, put in one stated place (evaluation.md 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from medrecon.calibration import fix_phase, spirit_kernel
from medrecon.calibration.model_error import inconsistency, model_error, off_range
from medrecon.calibration.scale import only_centre
from medrecon.mri import Solution
from medrecon.operators import fft2c, ifft2c
from medrecon.problem import Problem

Where = Literal["none", "projection", "kernel", "combination"]
SMOOTH = 0.05
WAVES = 4
"""Cosines a side that make a smooth error, of 0 to 1.5 cycles across the field of view, as slow as coil maps."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Maps `(slice, coil, y, x)` with their `intensity`, and the SPIRiT kernel, None for a single coil."""

    maps: Tensor
    intensity: Tensor
    kernel: Tensor | None


def calibration_of(problem: Problem, like: Problem | None = None) -> Calibration:
    """That of `problem`, its maps with the phase reference of the scan `like` in which they are to be used."""
    target = problem if like is None else like
    return Calibration(fix_phase(problem.maps, target.kspace, target.acs), problem.intensity, problem.kernel)


def with_smooth_error(problem: Problem, seed: int, size: float = SMOOTH) -> Calibration:
    """Maps with a smooth complex error, and the kernel that coils with those maps would have.

    `size` is the root mean square of |error| / |maps|, counted where it matters: across the maps of a pixel. The part
    along them is intensity and phase, which the normalisation takes back.
    """
    error = smooth_error(problem.maps, size, seed)
    maps = fix_phase(normalised(problem.maps + error), problem.kspace, problem.acs)
    if problem.kernel is None:
        return Calibration(maps, problem.intensity, None)
    images = ifft2c(only_centre(problem.kspace, problem.acs))
    moved = images + error * (problem.maps.conj() * images).sum(1, keepdim=True)
    kernel = spirit_kernel(fft2c(moved), problem.acs, width=problem.kernel.shape[-1])
    return Calibration(maps, problem.intensity, kernel)


def smooth_error(maps: Tensor, size: float, seed: int) -> Tensor:
    """A sum of slow waves with random complex weights, like `maps`, orthogonal to them, of the stated size a slice."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn((*maps.shape[:2], WAVES, WAVES), dtype=torch.complex64, generator=generator)
    ny, nx = maps.shape[-2:]
    y, x = (_waves(n).to(maps.device) for n in (ny, nx))
    error = torch.einsum("scab,ya,xb->scyx", weights.to(maps.device), y, x)
    error = error - maps * (maps.conj() * error).sum(1, keepdim=True)
    level = error.abs().square().sum(1, keepdim=True).mean((-2, -1), keepdim=True).sqrt()
    return size * error / level.clamp_min(torch.finfo(level.dtype).tiny)


def normalised(maps: Tensor) -> Tensor:
    """With sum over coils |S|^2 = 1 at every pixel."""
    return maps / torch.linalg.vector_norm(maps, dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)


def distance(maps: Tensor, other: Tensor, where: Tensor) -> float:
    """Root mean square over the pixels `where` `(slice, y, x)` of the sine of the angle between two sets of maps."""
    sine = (other - maps * (maps.conj() * other).sum(1, keepdim=True)).abs().square().sum(1)
    return float((sine * where).sum().div(where.sum().clamp_min(1)).sqrt())


def perturbed(problem: Problem, wrong: Calibration, where: Where) -> Problem:
    """What a method is given when the calibration is `wrong` there; what it says of its own fit is estimated anew.

    Other maps in the output combination do not concern the method.
    """
    if where == "projection":
        error = model_error(problem.kspace, wrong.maps, problem.noise, problem.mask, problem.acs)
        return replace(
            problem, maps=wrong.maps, model_error=error, off_range=off_range(problem.kspace, wrong.maps, problem.acs)
        )
    if where == "kernel" and wrong.kernel is not None:
        left = inconsistency(problem.kspace, wrong.kernel, problem.acs)
        return replace(problem, kernel=wrong.kernel, inconsistency=left)
    return problem


def combined(solution: Solution, given: Problem, outgoing: Calibration) -> Tensor:
    """`(slice, y, x)` from the method's own coil images with the output's maps, in unwhitened coils.

    Every row of this measurement is combined so, that without a perturbation too.
    """
    own = solution.coil_kspace
    coil_images = given.coils(solution.image) if own is None else ifft2c(own)
    return (outgoing.maps.conj() * coil_images).sum(1) * outgoing.intensity


def _waves(n: int) -> Tensor:
    """`(n, WAVES)` cosines of 0, 1/2, 1 … cycles across the field of view."""
    position = (torch.arange(n) + 0.5) / n
    return torch.cos(torch.pi * position[:, None] * torch.arange(WAVES)).to(torch.complex64)
