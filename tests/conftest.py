"""A small simulated scan that the tests of the whole way share."""

import numpy as np
import pytest
import torch

from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior
from medrecon.scan import Scan
from medrecon.simulate.scan import simulate_scan


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


@pytest.fixture(scope="session")
def full_scan() -> Scan:
    """Three fully sampled slices of 64x56, 4 coils, phase along x, with truth and prescan."""
    return simulate_scan(head(), (3.0, 3.0), slice_mm=5.0, coils=4, snr=40.0, seed=1, name="head")


@pytest.fixture(scope="session")
def gaussian_prior() -> Prior:
    """Pixels independent and normal: a prior that needs no weights."""
    variance = 0.1

    def denoise(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return x * (variance / (variance + t**2)).reshape(-1, *[1] * (x.ndim - 1) if t.ndim else [])

    return Prior(denoise=denoise, path=VE(), variance=variance, levels=(0.002, 40.0))
