"""A head and a prior that need neither files nor weights."""

import numpy as np
import torch

from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior


def head(slices: int = 3, height: int = 64, width: int = 56) -> np.ndarray:
    """Nested ellipses `(slice, y, x)` that change from slice to slice."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    volume = np.zeros((slices, height, width))
    for i in range(slices):
        size = 0.85 - 0.05 * i
        volume[i][(y / size) ** 2 + (x / size) ** 2 < 1] = 0.8
        volume[i][(y / size) ** 2 + (x / size) ** 2 < 0.8] = 0.5
        volume[i][(y - 0.2) ** 2 + (2 * (x - 0.25)) ** 2 < 0.06] = 1.0
        volume[i][(y + 0.3) ** 2 + (x + 0.1) ** 2 < 0.02 * (i + 1)] = 0.1
    return volume


def gaussian(variance: float = 0.1) -> Prior:
    """Independent normal pixels."""

    def denoise(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        level = torch.as_tensor(t).reshape(-1, *[1] * (x.ndim - 1))
        return x * variance / (variance + level**2)

    return Prior(denoise=denoise, path=VE(), variance=variance, levels=(0.002, 40.0), name="gaussian")
