"""The k-space footprint: each object is acquired anew at its own pixel size, matrix and field of view.

k-space is computed from the object's pixels by an explicit (non-uniform) transform, so that any field of view wraps
and any band cuts as in a scanner; the image is then read out on `size` x `size` pixels. Smaller matrices repeat
periodically there, larger ones show a window: the network's input always is a full, periodic piece of an MR image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.augmentation.draw import Draw

LINES = 384
"""Most k-space lines along an axis."""


@dataclass(frozen=True)
class FootprintOptions:
    """Pixels in mm (`fine_bias` above 1 favours the finer ones), matrix in pixels, field of view in heads.

    periods : matrices to take instead of any, of which each divides the size of the training images: these then are
        whole periods, with an exact discrete spectrum. The nearest one is taken, and the pixels follow.
    """

    finest_mm: float = 0.55
    coarsest_mm: float = 2.5
    fine_bias: float = 1.1
    anisotropy: float = 1.3
    smallest: int = 96
    cut_share: float = 0.3
    tightest: float = 0.7
    widest: float = 1.7
    zero_filled_share: float = 0.2
    least_lines: float = 0.6
    periods: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Footprint:
    """Geometry of a batch of acquisitions, (y, x) along the last axis of each tensor.

    Attributes
    ----------
    fov_mm, matrix, lines : `(batch, 2)` field of view, image pixels, and k-space lines that were sampled.
    readout : `(batch,)` 0 or 1, the axis that never wraps: outside the field of view nothing is received.
    """

    fov_mm: Tensor
    matrix: Tensor
    lines: Tensor
    readout: Tensor

    def window(self, y_mm: Tensor, x_mm: Tensor) -> Tensor:
        """`(batch, y, x)`: 1 inside the field of view along the readout."""
        inside_y = y_mm.abs() <= self.fov_mm[:, :1] / 2
        inside_x = x_mm.abs() <= self.fov_mm[:, 1:] / 2
        along_y = (self.readout == 0)[:, None]
        return ((inside_y | ~along_y)[:, :, None] & (inside_x | along_y)[:, None, :]).float()

    def band(self, lines: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`(batch, LINES)` weights 0 or 1 of the k-space lines along y and along x."""
        k = _frequencies(self.fov_mm)
        half = (self.lines if lines is None else lines)[:, :, None] / 2
        inside = ((k >= -half) & (k < half)).float()
        return inside[:, 0], inside[:, 1]


def draw_footprint(pixel_mm: Tensor, extent_mm: Tensor, draw: Draw, options: FootprintOptions) -> Footprint:
    """Pixels no finer than the source's, a field of view around the head, or now and then through it."""
    octaves = math.log(options.coarsest_mm / options.finest_mm)
    base = options.finest_mm * (octaves * draw.uniform(0, 1, 1) ** options.fine_bias).exp()
    stretch = draw.log_uniform(1.0, options.anisotropy, 1) ** 0.5
    stretch = torch.where(draw.chance(0.5, 1), stretch, 1 / stretch)
    pixel = torch.cat([base * stretch, base / stretch], 1).maximum(0.95 * pixel_mm)
    wide = draw.uniform(1.05, options.widest, 2)
    tight = draw.uniform(options.tightest, 1.05, 2)
    cut = draw.chance(options.cut_share, 1) & (draw.uniform(0, 1, 2) < 0.6)
    matrix = (extent_mm * torch.where(cut, tight, wide) / pixel).round().clamp(options.smallest, LINES)
    if options.periods:
        fov = matrix * pixel
        matrix = _nearest(matrix, options.periods)
        pixel = (fov / matrix).maximum(0.95 * pixel_mm)
    share = torch.where(draw.chance(options.zero_filled_share, 2), draw.uniform(options.least_lines, 1, 2), 1.0)
    readout = draw.chance(0.5).long()
    return Footprint(matrix * pixel, matrix, (matrix * share).round(), readout)


def _nearest(matrix: Tensor, periods: tuple[int, ...]) -> Tensor:
    """The period at the smallest ratio from each matrix."""
    choices = torch.tensor(periods, dtype=matrix.dtype, device=matrix.device)
    return choices[(matrix.unsqueeze(-1) / choices).log().abs().argmin(-1)]


def acquire(objects: Tensor, y_mm: Tensor, x_mm: Tensor, footprint: Footprint) -> Tensor:
    """K-space `(batch, LINES, LINES)` of complex objects `(batch, y, x)` on pixel centres `y_mm`, `x_mm`."""
    seen = objects * footprint.window(y_mm, x_mm)
    k = _frequencies(footprint.fov_mm) / footprint.fov_mm[:, :, None]
    step = torch.stack([y_mm[:, 1] - y_mm[:, 0], x_mm[:, 1] - x_mm[:, 0]], 1) / footprint.fov_mm
    along_y = _wave(-k[:, 0, :, None] * y_mm[:, None, :]) * step[:, :1, None]
    along_x = _wave(-k[:, 1, :, None] * x_mm[:, None, :]) * step[:, 1:, None]
    band_y, band_x = footprint.band()
    return (along_y @ seen @ along_x.mT) * (band_y[:, :, None] * band_x[:, None, :])


def readouts(kspaces: Tensor, footprint: Footprint, size: int, start: Tensor) -> Tensor:
    """Images `(…, batch, size, size)` of k-spaces `(…, batch, LINES, LINES)`; `start` `(batch, 2)` first pixel."""
    pixel = torch.arange(size, device=start.device) + start[:, :, None]
    wave = _wave(pixel[:, :, :, None] / footprint.matrix[:, :, None, None] * _frequencies(footprint.fov_mm)[:, :, None])
    return wave[:, 0] @ kspaces @ wave[:, 1].mT


def _frequencies(like: Tensor) -> Tensor:
    return torch.arange(-LINES // 2, LINES // 2, device=like.device, dtype=torch.float32).expand(1, 1, LINES)


def _wave(cycles: Tensor) -> Tensor:
    angle = 2 * math.pi * (cycles - cycles.round())
    return torch.complex(angle.cos(), angle.sin())
