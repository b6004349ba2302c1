"""Fan-beam projection onto an arc of detectors around the source, as third-generation scanners have it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.operators.rays import RayProjector


@final
@dataclass(frozen=True)
class FanGeometry:
    """Views over a whole turn, rays at equal angles; the defaults are a clinical scanner's with a field of 500 mm.

    Distances, elements and pitch as the DICOM-CT-PD headers of the Mayo projection data (TCIA LDCT-and-Projection-data)
    state them: 595 mm from source to centre, 736 elements of 1.2858 mm at 1085.6 mm from the source.

    Parameters
    ----------
    views : number of source positions, evenly spaced over 360 degrees.
    detectors : number of detector elements.
    pitch : angle between neighbouring rays in radians.
    source_mm : distance of the source from the rotation centre.
    offset : shift of the detector in elements; a quarter makes opposite views fill each other's gaps.
    start : angle of the first view in radians; at 0 the source lies above the image and the central ray runs along y.
    """

    views: int = 984
    detectors: int = 736
    pitch: float = 1.2858 / 1085.6
    source_mm: float = 595.0
    offset: float = 0.25
    start: float = 0.0

    @property
    def field_mm(self) -> float:
        """Diameter of the circle that every view sees whole."""
        return 2 * self.source_mm * math.sin((self.detectors / 2 - abs(self.offset)) * self.pitch)

    def fan_angles(self, device: torch.device | str) -> Tensor:
        """`(detector,)` angle of the rays from the central one in radians, float64."""
        index = torch.arange(self.detectors, dtype=torch.float64, device=device)
        return (index - (self.detectors - 1) / 2 + self.offset) * self.pitch

    def angles(self, views: Tensor) -> Tensor:
        """Radians of numbered views, float64."""
        return self.start + views.double() * (2 * math.pi / self.views)

    def projector(self, shape: tuple[int, int], pixel_mm: tuple[float, float]) -> FanBeam:
        """The projector of images of `shape` (y, x)."""
        return FanBeam(shape, pixel_mm, self)


@final
class FanBeam(RayProjector):
    """Images `(…, y, x)` to line integrals `(…, view, detector)` along the rays of a fan (`RayProjector`).

    Raises ValueError if the source would lie inside the image, or the fan spans half a turn.
    """

    def __init__(self, shape: tuple[int, int], pixel_mm: tuple[float, float], geometry: FanGeometry) -> None:
        super().__init__(shape, pixel_mm, geometry.views, geometry.detectors)
        radius = math.hypot(*(n * mm / 2 for n, mm in zip(shape, pixel_mm, strict=True)))
        if geometry.source_mm <= radius:
            raise ValueError(
                f"the source stands {geometry.source_mm:g} mm from the centre, in an image that reaches {radius:g} mm"
            )
        if not 0 < geometry.pitch * (geometry.detectors + 2 * abs(geometry.offset)) < math.pi:
            raise ValueError(f"{geometry.detectors} rays {geometry.pitch:g} rad apart are no fan")
        self.geometry = geometry

    def rays(self, views: Tensor) -> tuple[Tensor, Tensor]:
        beta = self.geometry.angles(views)[:, None]
        source = self.geometry.source_mm * torch.stack([beta.sin(), -beta.cos()])
        direction = beta - self.geometry.fan_angles(views.device)
        return source.expand(-1, -1, self.detectors), torch.stack([-direction.sin(), direction.cos()])
