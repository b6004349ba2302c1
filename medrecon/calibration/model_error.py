"""What maps and kernels leave unexplained on the ACS, where everything is known."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.calibration.scale import only_centre
from medrecon.crop import centre_crop
from medrecon.operators.fourier import fft2c, ifft2c
from medrecon.operators.spirit import Spirit

MARGIN = 2  # k-space points along a cut border of the ACS that maps smear over it


def off_range_images(kspace: Tensor, maps: Tensor, acs: tuple[int, int]) -> Tensor:
    """(I - S S^H) x of the zero-filled ACS images x: `(slice, coil, y, x)`."""
    images = ifft2c(only_centre(kspace, acs))
    return images - maps * (maps.conj() * images).sum(1, keepdim=True)


def off_range(kspace: Tensor, maps: Tensor, acs: tuple[int, int]) -> Tensor:
    """Mean square per real component of (I - S S^H) x on the ACS, `(slice,)`: s_e^2 of SPIRiT-Diffusion."""
    return mean_square(off_range_images(kspace, maps, acs))


def inconsistency(kspace: Tensor, kernel: Tensor, acs: tuple[int, int]) -> Tensor:
    """Mean square per real component, `(slice,)`, of (G - I) k where the whole kernel lies on the ACS.

    For a kernel from elsewhere; what one leaves on the ACS it was fitted to says little (`withheld_error`).
    """
    block = centre_crop(kspace, acs)
    residual = Spirit(kernel, (block.shape[-2], block.shape[-1])).forward(block) - block
    dy, dx = (size // 2 for size in kernel.shape[-2:])
    return mean_square(residual[..., dy : block.shape[-2] - dy, dx : block.shape[-1] - dx])


def model_error(kspace: Tensor, maps: Tensor, noise: Tensor, mask: Tensor, acs: tuple[int, int]) -> Tensor:
    """Standard deviation per real component of a sample that the maps cannot explain, noise apart: `(slice,)`.

    Wrong maps S' leave F (I - S' S'^H) S u, which at any point of k-space is proportional to the signal around that
    point. So the share rho = (off-range energy - noise) / (energy - noise), measured inside the ACS, holds on the
    outer samples too, and the mean square over all samples is rho times the mean square of the sampled signal.
    It is a root mean square: samples near the centre are off by more, half of all samples by less than a third of it.
    Two points along each cut border of the ACS are left out: there the truncation, not the maps, is at fault.
    """
    coils = kspace.shape[1]
    inner = _inner(acs, tuple(kspace.shape[-2:]))
    variance = noise**2
    off = mean_square(centre_crop(fft2c(off_range_images(kspace, maps, acs)), inner)) - (1 - 1 / coils) * variance
    signal = mean_square(centre_crop(kspace, inner)) - variance
    sampled = kspace.abs().square().sum((1, 2, 3)) / (2 * coils * mask.sum()) - variance
    share = (off.clamp_min(0) / signal.clamp_min(torch.finfo(signal.dtype).tiny)).clamp_max(1)
    return (share * sampled.clamp_min(0)).sqrt()


def mean_square(x: Tensor) -> Tensor:
    """Mean square per real component of each slice of `(slice, coil, y, x)`."""
    return x.abs().square().mean((1, 2, 3)) / 2


def _inner(acs: tuple[int, int], matrix: tuple[int, ...]) -> tuple[int, int]:
    y, x = (size if size >= n else max(size - 2 * MARGIN, min(size, 2)) for size, n in zip(acs, matrix, strict=True))
    return y, x
