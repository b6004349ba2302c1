"""`CtVolume`: CT slices to train on, as thick as a reader looks at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.volume import Split

LOWEST, HIGHEST = -1024, 3071
"""HU that 12 bits hold."""
THICKEST_MM = 3.0
SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class CtVolume:
    """`values` `(slice, y, x)` int16 HU; voxel size (slice, y, x) in mm.

    `noise_free` values are the truth of a phantom: a scan of it holds all the noise of its dose, where one of a patient
    at full dose holds that of the full dose already.
    """

    values: Tensor
    voxel_mm: tuple[float, float, float]
    subject: str
    name: str
    split: Split = "train"
    noise_free: bool = False


def thickened(values: Tensor, slice_mm: float, thickest_mm: float = THICKEST_MM) -> tuple[Tensor, float]:
    """Means of as many neighbouring slices as fit into `thickest_mm`, each slice in one of them; and their distance.

    `(slice, y, x)` HU of any kind to int16. Slices that are thicker already stay as they are.
    """
    together = max(1, int((thickest_mm + SLACK) / slice_mm))
    together = min(together, len(values))
    whole = len(values) // together * together
    groups = values[:whole].float().clamp(LOWEST, HIGHEST).unflatten(0, (-1, together))
    return groups.mean(1).round().to(torch.int16), slice_mm * together
