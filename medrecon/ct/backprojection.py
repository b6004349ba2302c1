"""Filtered backprojection of parallel and fan-beam sinograms (Kak and Slaney 1988, chapter 3)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from medrecon.ct.filters import Kernel, apply_filter, ramp
from medrecon.operators.fan_beam import FanBeam
from medrecon.operators.parallel_beam import ParallelBeam
from medrecon.operators.rays import RayProjector

# Values that one block of views holds for each image: in the caches of a CPU, filling a GPU.
CPU_BLOCK, CUDA_BLOCK = 1 << 20, 1 << 24


class FilteredBackprojection(ABC):
    """Line integrals `(…, view, detector)` back to an image `(…, y, x)` in 1/mm; linear, and no adjoint of anything.

    Parameters
    ----------
    projector : where rays and pixels lie.
    kernel : "ramp" keeps all resolution and noise, "hann" is the soft kernel.
    cutoff : where the Hann window ends, as a share of the detector's Nyquist frequency.
    """

    kernel: Kernel

    def __init__(self, projector: RayProjector, kernel: Kernel = "ramp", cutoff: float = 1.0) -> None:
        if kernel not in ("ramp", "hann") or not 0 < cutoff <= 1:
            raise ValueError(
                f"kernel '{kernel}' to {cutoff} of Nyquist; choose ramp or hann, and a share within (0, 1]"
            )
        self.projector, self.kernel, self.cutoff = projector, kernel, cutoff

    @final
    def __call__(self, sinogram: Tensor) -> Tensor:
        if tuple(sinogram.shape[-2:]) != self.projector.out_shape:
            raise ValueError(f"takes (…, {self.projector.out_shape}), got {tuple(sinogram.shape)}")
        rows = sinogram.reshape(-1, *self.projector.out_shape)
        rows = apply_filter(self._weigh(rows), self._taps(rows.device), self.kernel, self.cutoff)
        image = rows.new_zeros((len(rows), *self.projector.shape))
        limit = CUDA_BLOCK if rows.is_cuda else CPU_BLOCK
        block = max(1, limit // math.prod(self.projector.shape))
        for views in torch.arange(self.projector.views, device=rows.device).split(block):
            image += self._smear(rows[:, views], views)
        return image.reshape(*sinogram.shape[:-2], *self.projector.shape)

    @abstractmethod
    def _weigh(self, rows: Tensor) -> Tensor:
        """Rows `(…, view, detector)` with what the geometry multiplies them by before the filter."""

    @abstractmethod
    def _taps(self, device: torch.device) -> Tensor:
        """The filter in space, the spacing of the integral included."""

    @abstractmethod
    def _hits(self, views: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Detector index at which pixels at `y`, `x` mm appear in each view, and their weight: `(view, y, x)`."""

    def _smear(self, rows: Tensor, views: Tensor) -> Tensor:
        index, weight = self._hits(views, *self._pixels(rows))
        where = torch.stack([(2 * index + 1) / rows.shape[-1] - 1, torch.zeros_like(index)]).permute(1, 2, 3, 0)
        found = grid_sample(rows.transpose(0, 1)[:, :, None], where, align_corners=False)
        return (found * weight[:, None]).sum(0)

    def _pixels(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Centres `(y, 1)` and `(1, x)` in mm."""
        y, x = (
            (torch.arange(n, dtype=like.dtype, device=like.device) - (n - 1) / 2) * mm
            for n, mm in zip(self.projector.shape, self.projector.pixel_mm, strict=True)
        )
        return y[:, None], x[None]


@final
class _Parallel(FilteredBackprojection):
    projector: ParallelBeam

    def _weigh(self, rows: Tensor) -> Tensor:
        return rows * (math.pi / self.projector.views)

    def _taps(self, device: torch.device) -> Tensor:
        geometry = self.projector.geometry
        return geometry.pitch_mm * ramp(geometry.detectors, geometry.pitch_mm, device)

    def _hits(self, views: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        geometry = self.projector.geometry
        angle = geometry.angles(views)[:, None, None]
        position = x * angle.cos().to(x.dtype) + y * angle.sin().to(x.dtype)
        return position / geometry.pitch_mm + (geometry.detectors - 1) / 2, torch.ones_like(position[:, :1, :1])


@final
class _Fan(FilteredBackprojection):
    projector: FanBeam

    def _weigh(self, rows: Tensor) -> Tensor:
        geometry = self.projector.geometry
        cosine = geometry.fan_angles(rows.device).cos()
        return rows * (2 * math.pi / geometry.views * geometry.source_mm * cosine).to(rows.dtype)

    def _taps(self, device: torch.device) -> Tensor:
        geometry = self.projector.geometry
        n = torch.arange(1 - geometry.detectors, geometry.detectors, dtype=torch.float64, device=device)
        curved = 1 / torch.sinc(n * geometry.pitch / math.pi) ** 2
        return geometry.pitch / 2 * curved * ramp(geometry.detectors, geometry.pitch, device)

    def _hits(self, views: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        geometry = self.projector.geometry
        beta = geometry.angles(views)[:, None, None]
        sine, cosine = beta.sin().to(x.dtype), beta.cos().to(x.dtype)
        across = x * cosine + y * sine
        along = geometry.source_mm + y * cosine - x * sine
        index = torch.atan2(across, along) / geometry.pitch + ((geometry.detectors - 1) / 2 - geometry.offset)
        return index, 1 / (across.square() + along.square())


def filtered_backprojection(
    projector: RayProjector, kernel: Kernel = "ramp", cutoff: float = 1.0
) -> FilteredBackprojection:
    """The filtered backprojection of a `ParallelBeam` (half a turn) or a `FanBeam` (a whole one)."""
    return (_Fan if isinstance(projector, FanBeam) else _Parallel)(projector, kernel, cutoff)
