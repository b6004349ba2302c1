"""Samples that the adaptation does not see, and what they tell of the image that it leads to."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.evaluation.holdout import withheld
from medrecon.problem import Problem

BLOCK = (5, 5)
"""Of a problem without a SPIRiT kernel."""


def withheld_samples(problem: Problem, share: float, seed: int) -> Tensor:
    """`(slice, y, x)` bool, drawn for each slice by itself: whole phase lines, blocks of the kernel's size for 2-D.

    Never of the ACS. Raises InputError where no sample lies outside it.
    """
    block = BLOCK if problem.kernel is None else (problem.kernel.shape[-2], problem.kernel.shape[-1])
    mask = problem.mask.cpu()
    chosen = []
    for number in problem.slice_ids:
        generator = torch.Generator().manual_seed(_seed(seed, problem.case, number))
        try:
            chosen.append(withheld(mask, problem.acs, problem.phase_axes, block, generator, share))
        except InputError:
            raise InputError(
                "stop 'holdout' needs samples outside the fully sampled centre to judge by and found none; give --stop "
                "count or discrepancy"
            ) from None
    return torch.stack(chosen).to(problem.device)


def level_of(held_power: Tensor, problem: Problem, variance: float) -> Tensor:
    """`(slice, 1, 1)` sigma whose `trust` is the error that withheld samples show, for a data step.

    An error of variance r^2 a pixel and component adds 2 r^2 / coils to the power of a sample, since sum|S|^2 = 1. It
    counts as no less than that of the data, and as less than the images' own variance.
    """
    noise = problem.data_sigma**2
    error = problem.maps.shape[1] * (held_power / 2 - noise)
    error = error.maximum(noise).clamp(min=1e-6 * variance, max=0.99 * variance)
    return (error * variance / (variance - error)).sqrt()[:, None, None]


def _seed(seed: int, case: str, number: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{number}/withheld/{case}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
