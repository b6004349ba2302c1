"""A CT slice that is made in no time: a body of tissue with a lung, in HU."""

import numpy as np
import torch

from medrecon.ct.dose import Scanner
from medrecon.operators.fan_beam import FanGeometry

VOXEL = (5.0, 3.0, 3.0)


def bodies(slices=2, side=96, grain=8.0, seed=0):
    """`(slice, y, x)` float32 HU; `grain` is the standard deviation of the scan's own noise."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image = np.where(np.hypot(y, 0.8 * x) < 0.4 * side, 40.0, -1000.0)
    image[np.hypot(y + 0.15 * side, x - 0.2 * side) < 0.1 * side] = -800.0
    noise = grain * np.random.default_rng(seed).standard_normal((slices, side, side))
    return torch.from_numpy((image + noise * (image > -900)).astype(np.float32))


def coarse_scanner():
    """A scanner of few views and elements, in which a slice takes a tenth of the time."""
    return Scanner(FanGeometry(views=180, detectors=368, pitch=2 * 1.2858 / 1085.6))
