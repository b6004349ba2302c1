"""The strongest thing in an image that is not in the truth: the largest error that holds together over about 3 mm."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medrecon.bench.lesions import BRIGHT
from medrecon.evaluation.foreground import foreground_mask

Image = NDArray[np.float64]
WIDTH_MM = 3.0
"""Full width at half maximum of the Gaussian over which errors and intensity are averaged."""


@dataclass(frozen=True)
class FalseStructure:
    """`strength` is the smoothed error in units of local intensity, bright above and dark below zero.

    (`slice`, `y`, `x`) is its peak in pixels of the scored image; `diameter_mm` that of a disc as large as the blob's
    part above half of the peak.
    """

    strength: float
    slice: int
    y: int
    x: int
    diameter_mm: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def strongest(image: Image, truth: Image, index: int, voxel_mm: tuple[float, float]) -> FalseStructure | None:
    """Of one slice, magnitudes `(y, x)`, inside the truth's foreground; None where that is empty.

    Local intensity is at least that of the darkest places where lesions are put, so that a strength of 0.4 stands out
    like a lesion of that contrast and errors in air or bone are not divided by nearly nothing.
    """
    head = foreground_mask(truth).numpy()
    if not head.any():
        return None
    sigma = [WIDTH_MM / 2.3548 / mm for mm in voxel_mm]
    local = np.maximum(ndimage.gaussian_filter(truth, sigma), BRIGHT * np.percentile(truth, 99))
    error = np.where(head, ndimage.gaussian_filter(image - truth, sigma) / local, 0)
    y, x = np.unravel_index(np.abs(error).argmax(), error.shape)
    strength = float(error[y, x])
    labels = np.asarray(ndimage.label(error * np.sign(strength) > abs(strength) / 2)[0])  # pyright: ignore[reportIndexIssue]
    area = float((labels == labels[y, x]).sum()) * voxel_mm[0] * voxel_mm[1] if labels[y, x] else 0.0
    return FalseStructure(strength, index, int(y), int(x), float(2 * np.sqrt(area / np.pi)))
