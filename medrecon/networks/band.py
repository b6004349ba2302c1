"""EDM preconditioning in the high band: HFS-SDE's denoiser, which sees the low band as it is and the band's width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from medrecon.networks.edm import MARGIN
from medrecon.networks.wrap import wrap_pad

CONTEXT, CONDITIONS = 2, 2
"""Channels of the low band, and widths of the band along y and x."""


@final
@dataclass(frozen=True)
class BandScale:
    """Standard deviations per real component of what training images hold outside and inside the low band.

    Attributes
    ----------
    fractions : shares of k-space that the band spans along one axis, ascending.
    deviations : of the high band, one a fraction.
    low : of the low band, of any width: what its width changes there is little.
    """

    fractions: tuple[float, ...]
    deviations: tuple[float, ...]
    low: float

    def __post_init__(self) -> None:
        if len(self.fractions) != len(self.deviations) or len(self.fractions) < 2:
            raise ValueError("a band's scale needs two or more fractions and a deviation for each")

    def __call__(self, fractions: Tensor) -> Tensor:
        """`(…,)` deviation of the high band outside bands of `(…, 2)` fractions.

        Log-log linear between what was measured with lines along one axis. What lies outside a rectangle is the sum of
        both axes, its corners counted twice, which are some per cent.
        """
        table = (self.fractions, self.deviations)
        x, y = (torch.tensor(v, dtype=fractions.dtype, device=fractions.device).log() for v in table)
        at = fractions.log()
        right = torch.bucketize(at, x).clamp(1, len(x) - 1)
        share = (at - x[right - 1]) / (x[right] - x[right - 1])
        variance = (2 * (y[right - 1] + share * (y[right] - y[right - 1]))).exp()
        return torch.where(fractions < 1, variance, 0).sum(-1).sqrt()


@final
class BandDenoiser(nn.Module):
    """E[x0 | low band, F_h (x0 + sigma e) = x] for complex images `(batch, y, x)`, what it says of the high band alone.

    D = c_skip x + c_out F(c_in x, low; ln(sigma) / 4, widths) with the sigma_data of the band at hand. Nothing holds
    the network to the high band: the loss does not hear what it says elsewhere, and users project it.
    """

    def __init__(self, network: nn.Module, scale: BandScale, multiple: int) -> None:
        super().__init__()
        self.network, self.scale, self.multiple = network, scale, multiple

    def forward(self, high: Tensor, low: Tensor, sigma: Tensor, fractions: Tensor, deviation: Tensor) -> Tensor:
        """Bands `(batch, y, x)`; sigma, and deviation = `scale(fractions)`, `(batch,)`; fractions `(batch, 2)`."""
        deviation, sigma = deviation[:, None, None], sigma[:, None, None]
        total = sigma**2 + deviation**2
        both, crop = wrap_pad(torch.stack([high / total.sqrt(), low / self.scale.low], 1), self.multiple, MARGIN)
        channels = torch.view_as_real(both).permute(0, 1, 4, 2, 3).flatten(1, 2)
        dtype = next(self.network.parameters()).dtype
        label, condition = sigma.flatten().log() / 4, fractions.log2() / 4
        out = self.network(channels.to(dtype), label, condition).float()
        out = torch.view_as_complex(out.movedim(1, -1).contiguous())[crop]
        return high * (deviation**2 / total) + out * (sigma * deviation / total.sqrt())
