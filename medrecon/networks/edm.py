"""EDM preconditioning on complex images of any size (Karras et al. 2022, table 1 and eq. 7)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from medrecon.networks.wrap import wrap_pad

MARGIN = 8
"""Pixels of the periodic image that are shown beyond each edge, and cut off again."""


@final
class EDMDenoiser(nn.Module):
    """E[x0 | x0 + sigma e = x] for complex `x` `(batch, y, x)`; e is standard normal per real component.

    D(x; sigma) = c_skip x + c_out F(c_in x; ln(sigma) / 4). MR images are periodic in their field of view, so the
    network sees them continued by `MARGIN` pixels on all sides, up to the next size that it can take.
    """

    def __init__(self, network: nn.Module, sigma_data: float, multiple: int) -> None:
        super().__init__()
        self.network, self.sigma_data, self.multiple = network, sigma_data, multiple

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        padded, crop = wrap_pad(x, self.multiple, MARGIN)
        return self.denoise_padded(padded, sigma.expand(len(x)))[crop]

    def denoise_padded(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The same for images whose sides the network can take, `sigma` of shape `(batch,)`, no margin."""
        s, total = sigma[:, None, None], (sigma[:, None, None] ** 2 + self.sigma_data**2)
        scaled = torch.view_as_real(x / total.sqrt()).movedim(-1, 1)
        dtype = next(self.network.parameters()).dtype
        out = self.network(scaled.to(dtype), sigma.log() / 4).float()
        out = torch.view_as_complex(out.movedim(1, -1).contiguous())
        return x * (self.sigma_data**2 / total) + out * (s * self.sigma_data / total.sqrt())
