"""The denoising loss of EDM on complex images (Karras et al. 2022, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.networks.edm import MARGIN, EDMDenoiser


@dataclass(frozen=True)
class LevelOptions:
    """ln(sigma) is normal with this mean and spread, cut to [lowest, highest]."""

    mean: float = -1.8
    spread: float = 1.6
    lowest: float = 0.001
    highest: float = 10.0

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """`(batch,)` noise levels, stratified over the distribution so that every batch covers it."""
        u = torch.rand(batch, generator=generator, device=generator.device)
        u = (torch.arange(batch, device=u.device) + u) / batch
        normal = torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6))
        return (self.mean + self.spread * normal).exp().clamp(self.lowest, self.highest)


def edm_loss(
    denoiser: EDMDenoiser, x0: Tensor, sigma: Tensor, generator: torch.Generator, teacher: EDMDenoiser | None = None
) -> Tensor:
    """Mean of lambda(sigma) |D(x0 + sigma e) - x0|^2 away from the margin; `x0` `(batch, y, x)` complex.

    The margin is what inference cuts off as well. lambda = (sigma^2 + s^2) / (sigma s)^2 with s = sigma_data.
    A `teacher`'s estimate stands in for x0: it has the same mean given x and none of x0's spread about it, which is
    most of the loss, so that a small network comes sooner to what it can learn.
    """
    noise = torch.randn((*x0.shape, 2), generator=generator, device=x0.device)
    level = sigma[:, None, None]
    noisy = x0 + level * torch.view_as_complex(noise)
    estimate = denoiser.denoise_padded(noisy, sigma)
    error = (estimate - (x0 if teacher is None else _taught(teacher, noisy, sigma)))[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    weight = (level**2 + denoiser.sigma_data**2) / (level * denoiser.sigma_data) ** 2
    return 0.5 * (weight * torch.view_as_real(error).square().sum(-1)).mean()


@torch.no_grad()
def _taught(teacher: EDMDenoiser, noisy: Tensor, sigma: Tensor) -> Tensor:
    return teacher.denoise_padded(noisy, sigma)
