"""The denoising loss of HFS-SDE: noise, estimate and error in the high band alone (Cao et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.augmentation.draw import Draw
from medrecon.diffusion.high_band import HighBandPath
from medrecon.diffusion.path import VE
from medrecon.networks.band import BandDenoiser
from medrecon.operators.highpass import HighPass


@dataclass(frozen=True)
class BandOptions:
    """Low bands of the training images.

    narrowest, widest : share of k-space along an axis, log-uniform between: 8 lines of 400, 32 of 128.
    square_share : share of images whose band is narrow along both axes.
    low_error : largest relative error of the low band that the network sees: what a SENSE solve leaves and more.
    """

    narrowest: float = 0.02
    widest: float = 0.25
    square_share: float = 0.2
    low_error: float = 0.03

    def draw(self, size: int, draw: Draw) -> Tensor:
        """Centred masks `(batch, size, size)`, True in the band: lines along either axis, or a square."""
        lines = (size * draw.log_uniform(self.narrowest, self.widest, 1)).round().clamp(min=1)
        offset = torch.arange(size, device=draw.device) - size // 2 + (lines / 2).floor()
        inside = (offset >= 0) & (offset < lines)
        square, along_y = draw.chance(self.square_share, 1), draw.chance(0.5, 1)
        rows, columns = inside | ~(along_y | square), inside | ~(~along_y | square)
        return rows[:, :, None] & columns[:, None, :]


def band_loss(
    denoiser: BandDenoiser, x0: Tensor, sigma: Tensor, options: BandOptions, generator: torch.Generator
) -> Tensor:
    """Mean of lambda(sigma) |F_h (D - x0)|^2 over the high band; `x0` `(batch, y, x)` complex whole periods.

    lambda = (sigma^2 + s^2) / (sigma s)^2 with s the deviation of each image's band, so that every level and width
    counts the same. What the network says inside the low band is not heard. Levels are those of VE, which every affine
    path comes down to in x / a.
    """
    high = HighPass.outside(options.draw(x0.shape[-1], draw := Draw(len(x0), generator)))
    fractions = high.fractions
    deviation = denoiser.scale(fractions)
    noise = torch.view_as_complex(torch.randn((*x0.shape, 2), generator=generator, device=x0.device))
    noisy = high(HighBandPath(VE(), high).perturbed(x0, noise, sigma))
    low = _mistaken(x0 - high(x0), noise - high(noise), draw.uniform(0, options.low_error, 1, 1))
    error = high(denoiser(noisy, low, sigma, fractions, deviation) - x0)
    weight = (sigma**2 + deviation**2) / (sigma * deviation) ** 2
    share = 1 - fractions.prod(-1)
    return 0.5 * (weight / share * error.abs().square().mean((1, 2))).mean()


def _mistaken(low: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """`low` with an error of that share of its size, white in the band; `noise` lies in the band."""
    size, unit = (x.abs().square().mean((1, 2), keepdim=True) for x in (low, noise))
    return low + share * (size / unit.clamp(min=torch.finfo(unit.dtype).tiny)).sqrt() * noise
