"""How strong the noise of a CT slice is, from the slice alone."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

WINDOW = 9
"""Pixels a side over which deviations are taken."""
TISSUE_HU = (-150.0, 250.0)
"""Means of windows that hold fat or soft tissue: air has next to no noise, and bone has edges."""
ENOUGH = 500
"""Windows of tissue below which all windows of a slice are taken."""
BIN_HU, BINS = 0.5, 512
"""Of the histogram; what deviates more is an edge."""
SMOOTHED = 5
"""Bins over which the histogram is smoothed before its highest is looked for."""


def noise_level(images: Tensor) -> Tensor:
    """`(slice,)` HU: the commonest local standard deviation of `(slice, y, x)` HU in soft tissue.

    Windows on edges deviate more, but not all alike, so that uniform tissue makes the peak of the histogram (after
    Christianson et al. 2015, "Automated technique to measure noise in clinical CT examinations").
    """
    mean, deviation = _local(images.double())
    low, high = TISSUE_HU
    tissue = ((mean > low) & (mean < high)).flatten(1)
    counted = tissue | (tissue.sum(1, keepdim=True) < ENOUGH)
    bins = (deviation.flatten(1) / BIN_HU).long().clamp(max=BINS)
    histogram = bins.new_zeros((len(images), BINS + 1)).scatter_add_(1, bins, counted.long())[:, :BINS]
    smooth = F.avg_pool1d(histogram.double(), SMOOTHED, 1, SMOOTHED // 2, count_include_pad=False)
    return ((smooth.argmax(1) + 0.5) * BIN_HU).to(images.dtype)


def _local(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation in every whole window; of the slice itself where it is smaller than a window."""
    window = (min(WINDOW, x.shape[-2]), min(WINDOW, x.shape[-1]))
    mean, square = (F.avg_pool2d(v[:, None], window, 1)[:, 0] for v in (x, x.square()))
    return mean, (square - mean.square()).clamp(min=0).sqrt()
