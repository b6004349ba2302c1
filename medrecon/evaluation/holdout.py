"""Retain and predict: how well a method foretells samples that it was not given (evaluation.md 4).

Single points leak through the coils, so that whole phase lines (1-D) or blocks of the kernel's size (2-D) are withheld.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
    samples = mask.cpu().clone()
    # an ACS line counts whole, even where partial Fourier reaches beyond the centred window
    rows, columns = (
        centred(n, size) if axis in phase_axes else slice(None)
        for axis, n, size in zip("yx", mask.shape, acs, strict=True)
    )
    samples[rows, columns] = False
    if not samples.any():
        raise InputError(
            f"the hold-out needs samples outside the ACS, but all {int(mask.sum())} lie inside its {acs[0]}x{acs[1]} "
            "(y, x); leave --holdout out, or use a smaller --acs"
        )
    if len(phase_axes) == 1:
        chosen = _lines(samples, -2 if phase_axes[0] == "y" else -1, share, generator)
    else:
        chosen = _blocks(samples, block, share, generator)
    return chosen.to(mask.device)


def energies_on(prediction: Tensor, measured: Tensor, points: Tensor) -> tuple[float, float]:
    """(sum |p - y|^2, sum |y|^2) over the withheld points of k-space `(slice, coil, y, x)`; their ratio is the NMSE."""
    error, signal = (x.abs().double().square().sum() for x in ((prediction - measured) * points, measured * points))
    return float(error), float(signal)


def _lines(samples: Tensor, axis: int, share: float, generator: torch.Generator) -> Tensor:
    candidates = samples.any(-3 - axis).nonzero().squeeze(-1)
    count = max(1, round(share * len(candidates)))
    chosen = torch.zeros(samples.shape[axis], dtype=torch.bool)
    chosen[candidates[torch.randperm(len(candidates), generator=generator)[:count]]] = True
    return samples & (chosen[:, None] if axis == -2 else chosen[None, :])


def _blocks(samples: Tensor, block: tuple[int, int], share: float, generator: torch.Generator) -> Tensor:
    points, wanted = samples.nonzero(), share * int(samples.sum())
    chosen = torch.zeros_like(samples)
    for index in torch.randperm(len(points), generator=generator):
        window = tuple(
            slice(max(int(p) - b // 2, 0), int(p) - b // 2 + b) for p, b in zip(points[index], block, strict=True)
        )
        chosen[window] = samples[window]
        if int(chosen.sum()) >= wanted:
            break
    return chosen
