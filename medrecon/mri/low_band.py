"""The low band of HFS-SDE: which lines it spans, and its content from a SENSE solve."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.operators.highpass import HighPass
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem

WIDEST = 32
FLOOR = 1e-3
"""Smallest variance of a pixel, in units of the largest."""
ITERATIONS = 30


def high_pass(problem: Problem, width: int | None = None) -> HighPass:
    """F_h of the problem's images: lines along its phase axis, a square for two of them.

    `width` in lines; None takes all of the sampled centre, at most `WIDEST`. Raises InputError for a band that is wider
    than the centre, whose content no one knows.
    """
    sampled = sampled_lines(problem)
    lines = min(sampled, WIDEST) if width is None else width
    if not 0 <= lines <= sampled:
        raise InputError(
            f"a low band of {lines} lines was asked for, but {sampled} are fully sampled; give 0 to {sampled}"
        )
    return HighPass(problem.image_shape, lines, problem.phase_axes)


def sampled_lines(problem: Problem) -> int:
    """Of the centre; the fewer of two phase axes."""
    return min(problem.acs["yx".index(axis)] for axis in problem.phase_axes)


def centre_lines(problem: Problem, high: HighPass) -> Tensor:
    """`(y, x)` True in the low band itself."""
    rows, columns = (
        centred(n, round(n * share)) for n, share in zip(problem.mask.shape, high.fractions.tolist(), strict=True)
    )
    lines = torch.zeros_like(problem.mask)
    lines[rows, columns] = True
    return lines


def sense_low_band(problem: Problem, high: HighPass) -> Tensor:
    """F_l u `(slice, y, x)` of u = argmin |A u - y|^2 / s^2 + |u|^2 / v over images u.

    Deterministic: the same whatever is drawn later. s is the Problem's `data_sigma`, v each pixel's variance as the
    sampled centre's own image shows it: dark air then stays dark. Outer lines take part, since the maps mix their
    content into the band. Errors of the band on tuning volumes at R 4, 8 and 12, SNR 40: 1.0-2.1 %; 1.2-2.2 % from the
    centre alone, 5-6 % with one ridge of 1e-3 for all pixels, which lets maps that are noise in air carry it into the
    band; noise alone, all lines sampled, leaves 0.7-1.2 %.
    """
    centre = centre_lines(problem, high_pass(problem))
    seen = problem.forward.H(problem.kspace * centre)
    variance = seen.abs().square() / 2
    variance = variance + FLOOR * variance.amax((1, 2), keepdim=True)
    ridge = problem.data_sigma[:, None, None] ** 2 / variance.clamp(min=torch.finfo(variance.dtype).tiny)
    normal, rhs = SenseNormal(problem.maps, problem.mask), problem.forward.H(problem.kspace)
    rounding = torch.finfo(rhs.dtype).eps
    u = conjugate_gradient(lambda x: normal(x) + ridge * x, rhs, None, ITERATIONS, tolerance=rounding)
    return u - high(u)
