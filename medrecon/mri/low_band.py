"""The low band of HFS-SDE: which lines it spans, and its content from the fully sampled centre alone."""

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
RIDGE = 1e-3
"""Weight of |u|^2 in the SENSE solve (decisions.md): a ridge of 0.1 is far worse."""
ITERATIONS = 30


def high_pass(problem: Problem, width: int | None = None) -> HighPass:
    """F_h of the problem's images: lines along its phase axis, a square for two of them.

    `width` in lines; None takes all of the sampled centre, at most `WIDEST`. Raises InputError for a band that is wider
    than the centre, whose content no one knows.
    """
    sampled = min(problem.acs["yx".index(axis)] for axis in problem.phase_axes)
    lines = min(sampled, WIDEST) if width is None else width
    if not 0 <= lines <= sampled:
        raise InputError(
            f"a low band of {lines} lines was asked for, but {sampled} are fully sampled; give 0 to {sampled}"
        )
    return HighPass(problem.image_shape, lines, problem.phase_axes)


def low_band(problem: Problem, high: HighPass) -> Tensor:
    """F_l u `(slice, y, x)` of u = argmin |A_acs u - y_acs|^2 + RIDGE |u|^2, A_acs seeing the centre alone.

    Deterministic: the same whatever is drawn later. The maps mix neighbouring lines, so that u reaches beyond the band.
    """
    centre = torch.zeros_like(problem.mask)
    rows, columns = (centred(n, size) for n, size in zip(centre.shape, problem.acs, strict=True))
    centre[rows, columns] = problem.mask[rows, columns]
    inner = problem.with_kspace(problem.kspace * centre, centre)
    normal = SenseNormal(problem.maps, centre)
    u = conjugate_gradient(lambda x: normal(x) + RIDGE * x, inner.forward.H(inner.kspace), None, ITERATIONS)
    return u - high(u)
