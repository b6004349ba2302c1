"""Samples that the adaptation does not see, and what they tell of the image that it leads to."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor
from torch.nn import functional

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.problem import Problem

BLOCK = (5, 5)
"""Of a problem without a SPIRiT kernel."""
LINES = 3
"""Lines withheld at least, if not more than half: far out one line holds more noise than signal, and tells nothing."""


def withheld_samples(problem: Problem, share: float, seed: int) -> Tensor:
    """`(slice, y, x)` bool, drawn for each slice by itself: whole phase lines, blocks of the kernel's size for 2-D.

    Never of the ACS. `share` of what lies outside it, of few lines more. Raises InputError where nothing does.
    The samples are those of `evaluation.holdout.withheld`, of all slices at once and on the device.
    """
    samples = problem.mask.clone()
    # an ACS line counts whole, even where partial Fourier reaches beyond the centred window
    rows, columns = (
        centred(n, size) if axis in problem.phase_axes else slice(None)
        for axis, n, size in zip("yx", samples.shape, problem.acs, strict=True)
    )
    samples[rows, columns] = False
    draw = _lines if len(problem.phase_axes) == 1 else _blocks
    return draw(problem, samples, share, seed)


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


def _lines(problem: Problem, samples: Tensor, share: float, seed: int) -> Tensor:
    """On the host lines alone are drawn, and of the device nothing else is asked."""
    axis = "yx".index(problem.phase_axes[0])
    sampled, outside = torch.stack([points.any(1 - axis) for points in (problem.mask, samples)]).cpu()
    candidates = outside.nonzero().flatten()
    share = _enough(share, int(sampled.sum()) - problem.acs[axis])
    count = max(1, round(share * len(candidates)))
    chosen = candidates[_orders(problem, len(candidates), seed)[:, :count]]
    lines = torch.zeros(problem.n_slices, len(outside), dtype=torch.bool).scatter_(1, chosen, True).to(problem.device)
    return samples & (lines[:, :, None] if axis == 0 else lines[:, None, :])


def _blocks(problem: Problem, samples: Tensor, share: float, seed: int) -> Tensor:
    """Blocks around samples in a random order, until they hold enough.

    All blocks at once: a sample's turn is the first in the order among those whose blocks reach it.
    """
    block = BLOCK if problem.kernel is None else (problem.kernel.shape[-2], problem.kernel.shape[-1])
    number = int(samples.sum())
    turns = _orders(problem, number, seed).to(problem.device).argsort(1).float()  # exact below 2^24
    turn = torch.full((problem.n_slices, *samples.shape), torch.inf, device=problem.device)
    turn[:, samples] = turns
    # even blocks reach one further up than down, so that a sample is reached from one further down
    reach = [side for size in reversed(block) for side in (size - 1 - size // 2, size // 2)]
    turn = -functional.max_pool2d(functional.pad(-turn, reach, value=-torch.inf), block, stride=1)
    enough = turn[:, samples].kthvalue(max(1, math.ceil(share * number)), 1).values
    return samples & (turn <= enough[:, None, None])


def _orders(problem: Problem, number: int, seed: int) -> Tensor:
    """`(slice, number)` a permutation for each slice, by its own name."""
    if not number:
        raise InputError(
            "stop 'holdout' needs samples outside the fully sampled centre to judge by and found none; give --stop "
            "count or discrepancy"
        )
    generator = torch.Generator()
    seeds = (_seed(seed, problem.case, i) for i in problem.slice_ids)
    return torch.stack([torch.randperm(number, generator=generator.manual_seed(s)) for s in seeds])


def _enough(share: float, outside: int) -> float:
    """`share`, or more of few lines."""
    return max(share, min(LINES / outside, 0.5)) if outside > 0 else share


def _seed(seed: int, case: str, number: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{number}/withheld/{case}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
