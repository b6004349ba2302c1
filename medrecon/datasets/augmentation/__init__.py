"""From magnitude slices to complex training images: variety from physics, since subjects are few (synthesis.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from medrecon.datasets.augmentation.acquisition import FootprintOptions, acquire, draw_footprint, readouts
from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.augmentation.geometry import GeometryOptions, reorient, warp
from medrecon.datasets.augmentation.intensity import IntensityOptions, recolour
from medrecon.datasets.augmentation.pathology import PathologyOptions, insert_lesion
from medrecon.datasets.augmentation.phase import PhaseOptions, random_phase
from medrecon.datasets.augmentation.reference import ReferenceOptions, low_pass_band, percentile
from medrecon.datasets.bank import SliceBank

__all__ = ["Augmentation", "AugmentationOptions"]


@dataclass(frozen=True)
class AugmentationOptions:
    """One group of options a kind of variety."""

    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    intensity: IntensityOptions = field(default_factory=IntensityOptions)
    pathology: PathologyOptions = field(default_factory=PathologyOptions)
    phase: PhaseOptions = field(default_factory=PhaseOptions)
    footprint: FootprintOptions = field(default_factory=FootprintOptions)
    reference: ReferenceOptions = field(default_factory=ReferenceOptions)


@final
class Augmentation:
    """Draws batches of complex images `(batch, size, size)` as a reconstruction sees them: scaled, phase-referenced."""

    def __init__(self, bank: SliceBank, options: AugmentationOptions, size: int = 256) -> None:
        self.bank, self.options, self.size = bank, options, size

    def __call__(self, batch: int, generator: torch.Generator) -> Tensor:
        draw, o = Draw(batch, generator), self.options
        magnitude, pixel_mm, extent_mm = self._slices(draw)
        magnitude = recolour(warp(magnitude, pixel_mm, draw, o.geometry), draw, o.intensity)
        magnitude, (pixel_mm, extent_mm) = reorient(magnitude, (pixel_mm, extent_mm), draw)
        n = magnitude.shape[-1]
        centred = torch.arange(n, device=draw.device) - n / 2
        shift = 0.08 * draw.normal(2) * extent_mm
        y_mm, x_mm = ((centred * pixel_mm[:, i : i + 1] + shift[:, i : i + 1]) for i in (0, 1))
        magnitude = insert_lesion(magnitude, y_mm, x_mm, extent_mm, draw, o.pathology)
        phase = random_phase(y_mm, x_mm, extent_mm, draw, o.phase)
        footprint = draw_footprint(pixel_mm, extent_mm, draw, o.footprint)
        kspace = acquire(torch.polar(magnitude, phase), y_mm, x_mm, footprint)
        low = kspace * low_pass_band(footprint, draw, o.reference)
        start = (draw.uniform(0, 1, 2) * footprint.matrix).floor()
        image, low = readouts(torch.stack([kspace, low]), footprint, self.size, start)
        peak = percentile(low.abs(), 0.99)
        noise = self._noise(footprint.band(), draw) * (peak * draw.log_uniform(*o.reference.noise, 1, 1))
        noisy = draw.chance(o.reference.noise_share, 1, 1)
        image = image + torch.where(noisy, readouts(noise, footprint, self.size, start), 0)
        scale = (o.reference.scale_spread * draw.normal(1, 1)).exp() / peak
        reference = low.angle() if o.reference.phase else torch.zeros_like(low.real)
        return image * torch.polar(scale.expand_as(low.real), -reference)

    def _slices(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        bank = self.bank
        index = bank.draw(draw.batch, draw.generator)
        blur = draw.uniform(0, 0.5, 1, 1) * draw.chance(0.5, 1, 1)
        images = torch.lerp(bank.images[index].float(), bank.images[bank.partner[index]].float(), blur)
        return images, bank.pixel_mm[index], bank.extent_mm[index]

    @staticmethod
    def _noise(band: tuple[Tensor, Tensor], draw: Draw) -> Tensor:
        """White k-space noise of unit variance per real component in the image."""
        weights = band[0][:, :, None] * band[1][:, None, :]
        white = torch.complex(draw.normal(*weights.shape[1:]), draw.normal(*weights.shape[1:]))
        return white * weights / weights.sum((1, 2), keepdim=True).sqrt()
