"""ESPIRiT coil maps: eigenvectors of the calibration subspace, pixel by pixel (Uecker et al. 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from medrecon.calibration.windows import centre_block, window_gram
from medrecon.operators.fourier import ifft2c
from medrecon.operators.spirit import tap_images

KERNEL = 6
THRESHOLD = 0.02
ITERATIONS = 40
CHUNK = 1 << 21  # complex numbers of pixel-wise matrices held at once


def espirit_maps(
    kspace: Tensor,
    acs: tuple[int, int],
    *,
    kernel: int = KERNEL,
    threshold: float = THRESHOLD,
    sets: int = 1,
    iterations: int = ITERATIONS,
) -> tuple[Tensor, Tensor]:
    """Coil maps from the fully sampled centre of k-space.

    Parameters
    ----------
    kspace : `(slice, coil, y, x)`; only the central `acs` = (y, x) points are read, all of them.
    kernel : width of the calibration windows, made smaller where the ACS is smaller.
    threshold : share of the largest singular value above which a window vector counts as signal (0.02 as SigPy).
    sets : number of map sets (2 where the object wraps around the field of view).
    iterations : of the pixel-wise orthogonal iteration, started from the ACS images.

    Returns
    -------
    maps `(slice, coil, y, x)`, sum_c |S_c|^2 = 1 everywhere (nothing is cropped; their phase is free), and the
    eigenvalue `(slice, y, x)` in [0, 1]: near 1 inside the object. With sets > 1 both have a set axis after slice.
    Raises InputError if the ACS is smaller than 2x2.
    """
    sets = min(sets, kspace.shape[1])
    block = centre_block(kspace, acs)
    size = (min(kernel, max(2, acs[0])), min(kernel, max(2, acs[1])))
    taps = correlation_taps(signal_projector(window_gram(block, size), threshold), size)
    start = _start(kspace, acs, sets)
    parts = [
        dominant(tap_images(taps, kspace.shape[-2:], rows), start[..., rows, :], iterations)
        for rows in _row_chunks(kspace)
    ]
    maps, values = torch.cat([m for m, _ in parts], -2), torch.cat([v for _, v in parts], -2)
    return (maps[:, 0], values[:, 0]) if sets == 1 else (maps, values)


def signal_projector(gram: Tensor, threshold: float) -> Tensor:
    """Projector `(slice, n, n)` onto the eigenvectors of R whose singular value exceeds `threshold` of the largest."""
    values, vectors = torch.linalg.eigh(gram)
    signal = vectors * (values > threshold**2 * values[..., -1:])[..., None, :]
    return signal @ signal.mH


def correlation_taps(projector: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Q[c, c', e] = mean over d' - d = e of P[(c, d), (c', d')]: `(slice, coil, coil, 2 ky - 1, 2 kx - 1)`.

    The pixel-wise matrix of ESPIRiT, a sum over the image-space kernels of the subspace, is the trigonometric
    polynomial C(r) = sum_e Q[e] exp(-2 i pi e r / n); so the kernels are never transformed one by one.
    """
    ky, kx = kernel
    coils = projector.shape[-1] // (ky * kx)
    p = projector.unflatten(-1, (coils, ky, kx)).unflatten(1, (coils, ky, kx)).movedim(4, 2)
    taps = p.new_zeros((p.shape[0], coils, coils, 2 * ky - 1, 2 * kx - 1))
    for y in range(ky):
        for x in range(kx):
            taps[..., ky - 1 - y : 2 * ky - 1 - y, kx - 1 - x : 2 * kx - 1 - x] += p[:, :, :, y, x]
    return taps / (ky * kx)


def dominant(matrices: Tensor, start: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Leading eigenvectors `(slice, set, coil, y, x)` and eigenvalues `(slice, set, y, x)` by orthogonal iteration.

    `matrices` `(slice, y, x, coil, coil)`, Hermitian and positive; `start` `(slice, set, coil, y, x)`.
    """
    v = start.permute(0, 3, 4, 2, 1)
    for _ in range(iterations):
        v = orthonormal(matrices @ v)
    small = v.mH @ matrices @ v
    if v.shape[-1] == 1:
        values = small[..., 0].real
    else:
        values, turn = torch.linalg.eigh(small)
        v, values = (v @ turn).flip(-1), values.flip(-1)
    return v.permute(0, 4, 3, 1, 2), values.permute(0, 3, 1, 2)


def orthonormal(v: Tensor) -> Tensor:
    """Gram-Schmidt over the last axis of `(…, coil, set)`."""
    columns: list[Tensor] = []
    for column in v.unbind(-1):
        for other in columns:
            column = column - (other.conj() * column).sum(-1, keepdim=True) * other  # noqa: PLW2901
        norm = torch.linalg.vector_norm(column, dim=-1, keepdim=True)
        columns.append(column / norm.clamp_min(torch.finfo(norm.dtype).tiny))
    return torch.stack(columns, -1)


def _start(kspace: Tensor, acs: tuple[int, int], sets: int) -> Tensor:
    """ACS images (already nearly the maps inside the object), and a constant vector where they vanish."""
    images = torch.zeros_like(kspace)
    centre_block(images, acs).copy_(centre_block(kspace, acs))
    images = ifft2c(images)
    coils = kspace.shape[1]
    level = torch.linalg.vector_norm(images, dim=(1, 2, 3), keepdim=True) / math.sqrt(images[0].numel())
    first = images + 1e-3 * level + torch.finfo(level.dtype).tiny
    ramp = torch.arange(coils, device=kspace.device)
    others = [
        torch.exp(2j * math.pi * s * ramp / coils).to(kspace.dtype)[None, :, None, None].expand_as(first)
        for s in range(1, sets)
    ]
    return torch.stack([first, *others], 1)


def _row_chunks(kspace: Tensor) -> list[slice]:
    slices, coils, height, width = kspace.shape
    rows = max(1, CHUNK // (slices * width * coils**2))
    return [slice(y, min(y + rows, height)) for y in range(0, height, rows)]
