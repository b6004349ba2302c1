"""Parallel-beam projection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.operators.rays import RayProjector


@final
@dataclass(frozen=True)
class ParallelGeometry:
    """Views over half a turn; the detector's middle sees the rotation centre.

    Parameters
    ----------
    views : number of directions, evenly spaced over 180 degrees.
    detectors : number of detector elements.
    pitch_mm : distance of their centres.
    start : angle of the first view in radians; at 0 the detector lies along x and rays run along y.
    """

    views: int = 720
    detectors: int = 736
    pitch_mm: float = 0.705
    start: float = 0.0

    def positions(self, device: torch.device | str) -> Tensor:
        """`(detector,)` distance of the rays from the rotation centre in mm, float64."""
        index = torch.arange(self.detectors, dtype=torch.float64, device=device)
        return (index - (self.detectors - 1) / 2) * self.pitch_mm

    def angles(self, views: Tensor) -> Tensor:
        """Radians of numbered views, float64."""
        return self.start + views.double() * (math.pi / self.views)

    def projector(self, shape: tuple[int, int], pixel_mm: tuple[float, float]) -> ParallelBeam:
        """The projector of images of `shape` (y, x)."""
        return ParallelBeam(shape, pixel_mm, self)


@final
class ParallelBeam(RayProjector):
    """Images `(…, y, x)` to line integrals `(…, view, detector)` along parallel rays (`RayProjector`)."""

    def __init__(self, shape: tuple[int, int], pixel_mm: tuple[float, float], geometry: ParallelGeometry) -> None:
        super().__init__(shape, pixel_mm, geometry.views, geometry.detectors)
        if not geometry.pitch_mm > 0:
            raise ValueError(f"the detector's pitch is {geometry.pitch_mm} mm")
        self.geometry = geometry

    def rays(self, views: Tensor) -> tuple[Tensor, Tensor]:
        angle = self.geometry.angles(views)
        across = torch.stack([angle.cos(), angle.sin()])[..., None]
        along = torch.stack([-angle.sin(), angle.cos()])[..., None]
        position = self.geometry.positions(views.device)
        return across * position, along.expand(-1, -1, self.detectors)
