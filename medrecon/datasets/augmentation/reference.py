"""Scale, phase reference and noise floor of the training images: what calibration does to a scan (decisions.md)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.augmentation.acquisition import Footprint
from medrecon.datasets.augmentation.draw import Draw


@dataclass(frozen=True)
class ReferenceOptions:
    """Lines of the low-pass that stands for the ACS; noise floor as a share of the peak; spread of log scale.

    `phase` takes the low-pass's phase out, as calibration does.
    """

    fewest_lines: int = 12
    most_lines: int = 32
    noise: tuple[float, float] = (0.002, 0.015)
    noise_share: float = 0.5
    scale_spread: float = 0.2
    phase: bool = True


def low_pass_band(footprint: Footprint, draw: Draw, options: ReferenceOptions) -> Tensor:
    """`(batch, LINES, LINES)` weights: the central lines along a random axis, all of the other."""
    few = draw.uniform(options.fewest_lines, options.most_lines + 1, 1).floor()
    along = torch.nn.functional.one_hot(draw.chance(0.5).long(), 2).bool()
    band_y, band_x = footprint.band(torch.where(along, few, footprint.lines))
    return band_y[:, :, None] * band_x[:, None, :]


def percentile(magnitude: Tensor, share: float) -> Tensor:
    """`(batch, 1, 1)` value below which `share` of each image's pixels lie."""
    flat = magnitude.flatten(1)
    rank = max(1, round(share * flat.shape[1]))
    return flat.kthvalue(rank, dim=1).values[:, None, None]
