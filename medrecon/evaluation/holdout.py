"""Retain and predict: how well a method foretells samples that it was not given (evaluation.md 4).

Single points leak through the coils, so that whole phase lines (1-D) or blocks of the kernel's size (2-D) are withheld.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from medrecon.crop import centred
from medrecon.errors import InputError

SHARE = 0.05


def withheld(
    mask: Tensor,
    acs: tuple[int, int],
    phase_axes: tuple[str, ...],
    block: tuple[int, int],
    generator: torch.Generator,
    share: float = SHARE,
) -> Tensor:
    """`(y, x)` bool, the samples to withhold: `share` of those of `mask` outside the ACS, at least one line or block.

    One phase axis: whole lines. Two: blocks of `block` (y, x) points around randomly chosen samples.
    Raises InputError where every sample belongs to the ACS.
    """
    return withheld_of_each(mask, acs, phase_axes, block, [generator], share)[0]


def withheld_of_each(
    mask: Tensor,
    acs: tuple[int, int],
    phase_axes: tuple[str, ...],
    block: tuple[int, int],
    generators: Sequence[torch.Generator],
    share: float = SHARE,
) -> Tensor:
    """`(n, y, x)` what `withheld` gives for each of n generators on the CPU, at once and on the device of `mask`."""
    samples = mask.clone()
    # an ACS line counts whole, even where partial Fourier reaches beyond the centred window
    rows, columns = (
        centred(n, size) if axis in phase_axes else slice(None)
        for axis, n, size in zip("yx", mask.shape, acs, strict=True)
    )
    samples[rows, columns] = False
    if len(phase_axes) == 1:
        chosen = _lines(samples, "yx".index(phase_axes[0]), share, generators)
    else:
        chosen = _blocks(samples, block, share, generators)
    if chosen is None:
        raise InputError(
            f"the hold-out needs samples outside the ACS, but all {int(mask.sum())} lie inside its {acs[0]}x{acs[1]} "
            "(y, x); leave --holdout out, or use a smaller --acs"
        )
    return chosen


def energies_on(prediction: Tensor, measured: Tensor, points: Tensor) -> tuple[float, float]:
    """(sum |p - y|^2, sum |y|^2) over the withheld points of k-space `(slice, coil, y, x)`; their ratio is the NMSE."""
    error, signal = (x.abs().double().square().sum() for x in ((prediction - measured) * points, measured * points))
    return float(error), float(signal)


def _lines(samples: Tensor, axis: int, share: float, generators: Sequence[torch.Generator]) -> Tensor | None:
    """On the host lines alone are drawn, and of the device nothing else is asked."""
    outside = samples.any(1 - axis).cpu()
    candidates = outside.nonzero().flatten()
    if not len(candidates):
        return None
    count = max(1, round(share * len(candidates)))
    chosen = candidates[_orders(len(candidates), generators)[:, :count]]
    lines = torch.zeros(len(generators), len(outside), dtype=torch.bool).scatter_(1, chosen, True).to(samples.device)
    return samples & (lines[:, :, None] if axis == 0 else lines[:, None, :])


def _blocks(
    samples: Tensor, block: tuple[int, int], share: float, generators: Sequence[torch.Generator]
) -> Tensor | None:
    """Blocks around samples in a random order, until they hold enough.

    All blocks at once: a sample's turn is the first in the order among those whose blocks reach it.
    """
    number = int(samples.sum())
    if not number:
        return None
    turns = _orders(number, generators).to(samples.device).argsort(1).float()  # exact below 2^24
    turn = torch.full((len(generators), *samples.shape), torch.inf, device=samples.device)
    turn[:, samples] = turns
    # even blocks reach one further up than down, so that a sample is reached from one further down
    reach = [side for size in reversed(block) for side in (size - 1 - size // 2, size // 2)]
    turn = -F.max_pool2d(F.pad(-turn, reach, value=-torch.inf), block, stride=1)
    enough = turn[:, samples].kthvalue(max(1, math.ceil(share * number)), 1).values
    return samples & (turn <= enough[:, None, None])


def _orders(number: int, generators: Sequence[torch.Generator]) -> Tensor:
    """`(n, number)` a permutation by each."""
    return torch.stack([torch.randperm(number, generator=generator) for generator in generators])
