"""How far draws lie apart: one standard deviation a pixel, of few samples and therefore of its neighbourhood."""

from __future__ import annotations

import torch
from torch import Tensor

WIDTH = 1.5
"""Standard deviation in pixels of the Gaussian that variances are averaged with. Eight draws leave a pixel's own
deviation uncertain by a third and more; its neighbours have nearly the same."""
REACH = 5


def local_deviation(magnitudes: Tensor) -> Tensor:
    """Standard deviation `(slice, y, x)` of `(sample, slice, y, x)`, its square averaged over neighbours.

    Divided by the number of samples, not by one less: antithetic pairs (`Streams`) leave hardly any noise in the mean.
    """
    variance = magnitudes.var(0, correction=0)
    inside = torch.ones_like(variance[0])
    return (_smoothed(variance) / _smoothed(inside)).sqrt()


def _smoothed(image: Tensor) -> Tensor:
    """`(…, y, x)` with a Gaussian, zeros beyond the edges."""
    for axis in (-1, -2):
        offsets = torch.arange(-REACH, REACH + 1, device=image.device, dtype=image.dtype)
        kernel = torch.exp(-0.5 * (offsets / WIDTH) ** 2)
        padded = torch.nn.functional.pad(image.movedim(axis, -1), (REACH, REACH))
        image = (padded.unfold(-1, 2 * REACH + 1, 1) @ (kernel / kernel.sum())).movedim(-1, axis)
    return image
