"""Samples that the adaptation does not see, and what they tell of the image that it leads to."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.evaluation.holdout import withheld_of_each
from medrecon.problem import Problem

BLOCK = (5, 5)
"""Of a problem without a SPIRiT kernel."""
LINES = 3
"""Lines withheld at least, if not more than half: far out one line holds more noise than signal, and tells nothing."""


def withheld_samples(problem: Problem, share: float, seed: int) -> Tensor:
    """`(slice, y, x)` bool, drawn for each slice by itself: whole phase lines, blocks of the kernel's size for 2-D.

    Never of the ACS. `share` of what lies outside it, of few lines more. Raises InputError where nothing does.
    """
    block = BLOCK if problem.kernel is None else (problem.kernel.shape[-2], problem.kernel.shape[-1])
    seeds = (_seed(seed, problem.case, number) for number in problem.slice_ids)
    generators = [torch.Generator().manual_seed(each) for each in seeds]
    try:
        return withheld_of_each(
            problem.mask, problem.acs, problem.phase_axes, block, generators, _enough(share, problem)
        )
    except InputError:
        raise InputError(
            "stop 'holdout' needs samples outside the fully sampled centre to judge by and found none; give --stop "
            "count or discrepancy"
        ) from None


def without(problem: Problem, held: Tensor) -> Problem:
    """The problem as it is without the samples `held` `(slice, y, x)`, its mask `(slice, coil, y, x)`.

    What the network is shown must not hold them either, or it has foretold them before it learns anything.
    """
    kept = (problem.mask & ~held)[:, None].expand(problem.kspace.shape)
    return problem.with_kspace(problem.kspace * kept, kept)


def level_of(held_power: Tensor, problem: Problem, variance: float) -> Tensor:
    """`(slice, 1, 1)` sigma whose `trust` is the error that withheld samples show, for a data step.

    An error of variance r^2 a pixel and component adds 2 r^2 / coils to the power of a sample, since sum|S|^2 = 1. It
    counts as no less than that of the data, and as less than the images' own variance.
    """
    noise = problem.data_sigma**2
    error = problem.maps.shape[1] * (held_power / 2 - noise)
    error = error.maximum(noise).clamp(min=1e-6 * variance, max=0.99 * variance)
    return (error * variance / (variance - error)).sqrt()[:, None, None]


def _enough(share: float, problem: Problem) -> float:
    """`share`, or more of few lines."""
    if len(problem.phase_axes) == 2:
        return share
    axis = "yx".index(problem.phase_axes[0])
    outside = int(problem.mask.any(1 - axis).sum()) - problem.acs[axis]
    return max(share, min(LINES / outside, 0.5)) if outside > 0 else share


def _seed(seed: int, case: str, number: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{number}/withheld/{case}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
