"""A multi-coil head of this folder's own: smooth maps, an ellipse with texture and smooth phase, white noise."""

import math

import pytest
import torch

from medrecon.operators import fft2c
from medrecon.scan import Scan


def grid(matrix):
    y, x = ((torch.arange(n, dtype=torch.float64) - n // 2) / (n / 2) for n in matrix)
    return torch.meshgrid(y, x, indexing="ij")


def head(matrix, generator, slices=1, phase=True):
    """Ellipse with band-limited texture, dark ventricles, an edge, and 1 wrap of smooth phase."""
    y, x = grid(matrix)
    texture = torch.randn((slices, *matrix), generator=generator, dtype=torch.float64)
    spectrum = torch.exp(-(y**2 + x**2) * 18)
    texture = torch.fft.ifft2(torch.fft.fft2(texture) * torch.fft.ifftshift(spectrum)).real
    texture = texture / texture.std()
    inside = ((y / 0.78) ** 2 + (x / 0.68) ** 2 < 1).double()
    ventricle = ((y / 0.2) ** 2 + ((x - 0.1) / 0.12) ** 2 < 1).double()
    rim = inside - ((y / 0.7) ** 2 + (x / 0.6) ** 2 < 1).double()
    image = inside * (1 + 0.15 * texture) + 0.6 * rim - 0.7 * ventricle
    turn = 2 * math.pi * (0.4 * y + 0.3 * x + 0.5 * (x**2 + y * x)) if phase else torch.zeros_like(y)
    return image * torch.exp(1j * turn)


def coil_maps(matrix, coils, slices=1):
    """Loops around the object: smooth magnitude and phase, normalised."""
    y, x = grid(matrix)
    maps = []
    for s in range(slices):
        row = []
        for c in range(coils):
            angle = 2 * math.pi * (c + 0.3 * s) / coils
            dy, dx = y - 1.25 * math.sin(angle), x - 1.25 * math.cos(angle)
            row.append((dy**2 + dx**2 + 0.3) ** -0.75 * torch.exp(1j * (torch.atan2(dy, dx + 3) * 2 + angle)))
        maps.append(torch.stack(row))
    stack = torch.stack(maps)
    return stack / torch.linalg.vector_norm(stack, dim=1, keepdim=True)


def make_scan(
    matrix=(96, 80), coils=8, slices=1, snr=None, acs=16, accel=1, seed=0, phase_axes=("y",), dtype=torch.complex64
):
    """Scan and its truth (image, maps, sigma of k-space per real component)."""
    generator = torch.Generator().manual_seed(seed)
    image, maps = head(matrix, generator, slices), coil_maps(matrix, coils, slices)
    kspace = fft2c(image[:, None] * maps)
    sigma = 0.0 if snr is None else 1.0 / snr
    noise = torch.randn((*kspace.shape, 2), generator=generator, dtype=torch.float64)
    kspace = kspace + sigma * torch.view_as_complex(noise)
    lattice = torch.ones(matrix, dtype=torch.bool)
    mask = lattice.clone()
    if accel > 1:
        lines = torch.rand(matrix[0], generator=generator) < 1 / accel
        start = matrix[0] // 2 - acs // 2
        lines[start - 1] = lines[start + acs] = False
        lines[start : start + acs] = True
        mask = lines[:, None].expand(matrix).clone()
    scan = Scan((kspace * mask).to(dtype), mask, lattice, phase_axes)
    return scan, image, maps, sigma


@pytest.fixture(scope="session")
def simulate():
    return make_scan
