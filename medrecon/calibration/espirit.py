"""ESPIRiT coil maps: eigenvectors of the calibration subspace, pixel by pixel (Uecker et al. 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from medrecon.calibration.scale import only_centre
from medrecon.calibration.windows import window_gram
from medrecon.crop import centre_crop
from medrecon.operators.fourier import ifft2c
from medrecon.operators.spirit import multiply_pixels, tap_images

KERNEL = 6
THRESHOLD = 0.02
EDGE = 1.5  # windows overlap and coils differ in noise: 1.1-1.3 is best on simulated scans, 1.3-1.6 on real ones
ITERATIONS = (40, 4)
COARSEST = 24  # pixels a side at which the coarse-to-fine iteration starts
CHUNK = 1 << 21  # complex numbers of pixel-wise matrices held at once


def espirit_maps(
    kspace: Tensor,
    acs: tuple[int, int],
    *,
    kernel: int = KERNEL,
    threshold: float = THRESHOLD,
    noise: Tensor | None = None,
    sets: int = 1,
    crop: float = 0.0,
    iterations: tuple[int, int] = ITERATIONS,
) -> tuple[Tensor, Tensor]:
    """Coil maps from the fully sampled centre of k-space.

    Parameters
    ----------
    kspace : Tensor
        `(slice, coil, y, x)`; only the central `acs` = (y, x) points are read, and all of them.
    acs : tuple of int
        (y, x) size of the fully sampled centre; for a 1-D mask its lines times the whole readout.
    kernel : int
        Width of the calibration windows, made smaller where the ACS is smaller.
    threshold : float
        Share of the largest singular value above which a window vector counts as signal (0.02 as SigPy).
    noise : Tensor, optional
        `(slice,)` standard deviation per real component. Where given it replaces `threshold`: signal is what exceeds
        the largest singular value that noise alone would have. On simulated scans of SNR 10-160 the error of the maps
        is mostly within a quarter of the best threshold's; 0.02 loses up to a factor of 9 (SNR 10, 20 lines).
    sets : int
        Number of map sets (2 where the object wraps around the field of view).
    crop : float
        Maps are zeroed where their eigenvalue is below; 0 keeps them defined everywhere.
    iterations : tuple of int
        Steps of the pixel-wise orthogonal iteration on the coarsest grid, and on each finer one.

    Returns
    -------
    maps `(slice, coil, y, x)`, sum_c |S_c|^2 = 1, their phase free, and the eigenvalue `(slice, y, x)` in [0, 1],
    near 1 inside the object. With sets > 1 both have a set axis after slice, strongest first.
    """
    sets = min(sets, kspace.shape[1])
    block = centre_crop(kspace, acs)
    size = (min(kernel, acs[0]), min(kernel, acs[1]))
    gram = window_gram(block, size)
    floor = None if noise is None else noise_edge(noise, gram.shape[-1], (block.shape[-2], block.shape[-1]), size)
    taps = correlation_taps(signal_projector(gram, threshold, floor), size)
    maps, values = leading_vectors(taps, _start(kspace, acs, sets), iterations)
    maps = maps * (values >= crop)[:, :, None]
    return (maps[:, 0], values[:, 0]) if sets == 1 else (maps, values)


def signal_projector(gram: Tensor, threshold: float, floor: Tensor | None = None) -> Tensor:
    """Projector `(slice, n, n)` onto the eigenvectors of R that hold signal.

    Their eigenvalue exceeds `floor` `(slice,)`, or else threshold^2 times the largest. The strongest always counts.
    """
    values, vectors = torch.linalg.eigh(gram)
    least = threshold**2 * values[..., -1] if floor is None else floor.minimum(values[..., -1])
    signal = vectors * (values >= least[..., None])[..., None, :]
    return signal @ signal.mH


def noise_edge(noise: Tensor, unknowns: int, acs: tuple[int, int], kernel: tuple[int, int]) -> Tensor:
    """Largest eigenvalue `(slice,)` of the Gram matrix of noise alone: 2 sigma^2 (sqrt(m) + sqrt(n))^2, and a margin.

    The edge of Marchenko and Pastur (1967) for m windows of n = `unknowns` samples.
    """
    windows = (acs[0] - kernel[0] + 1) * (acs[1] - kernel[1] + 1)
    return 2 * (EDGE * noise * (math.sqrt(windows) + math.sqrt(unknowns))) ** 2


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


def leading_vectors(taps: Tensor, start: list[Tensor], iterations: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Leading eigenvectors `(slice, set, coil, y, x)` and eigenvalues `(slice, set, y, x)` of C(r), coarse to fine.

    Every second, fourth, … pixel is solved first and starts its neighbours, which then need a few steps only. Where
    maps change within a few pixels, as at the edge of a field of view that cuts the head, the ACS image is the
    better start. `start` holds one `(slice, coil, y, x)` a set.
    """
    matrix = tuple(start[0].shape[-2:])
    stride = 1 << max(0, int(math.log2(min(matrix) / COARSEST)))
    vectors, values = _on_grid(taps, matrix, stride, [v[..., ::stride, ::stride] for v in start], iterations[0])
    while stride > 1:
        stride //= 2
        ny, nx = (-(-n // stride) for n in matrix)
        near = [v.repeat_interleave(2, -2).repeat_interleave(2, -1)[..., :ny, :nx] for v in vectors]
        vectors, values = _on_grid(taps, matrix, stride, near, iterations[1], start[0][..., ::stride, ::stride])
    return torch.stack(vectors, 1), values


def dominant(matrices: Tensor, start: list[Tensor], iterations: int) -> tuple[list[Tensor], Tensor]:
    """Orthogonal iteration: leading eigenvectors, one `(slice, coil, y, x)` a set, and values `(slice, set, y, x)`.

    `matrices` `(slice, coil, coil, y, x)`, Hermitian with eigenvalues in [0, 1]. Largest first.
    """
    vectors = start
    for step in range(iterations):
        vectors = [multiply_pixels(matrices, v) for v in vectors]
        if len(vectors) > 1 or step % 4 == 0:
            vectors = orthonormal(vectors)
    vectors = orthonormal(vectors)
    images = [multiply_pixels(matrices, v) for v in vectors]
    if len(vectors) == 1:
        return vectors, _inner(vectors[0], images[0]).real
    small = torch.stack([torch.cat([_inner(v, image) for image in images], 1) for v in vectors], 1)
    values, turn = torch.linalg.eigh(small.permute(0, 3, 4, 1, 2))
    turn = turn.flip(-1).permute(0, 3, 4, 1, 2)[:, :, :, None]  # (slice, old set, new set, 1, y, x)
    turned = (torch.stack(vectors, 1)[:, :, None] * turn).sum(1)
    return list(turned.unbind(1)), values.flip(-1).permute(0, 3, 1, 2)


def closer(matrices: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """At each pixel the one of two vectors `(slice, coil, y, x)` with the larger Rayleigh quotient, at unit norm."""
    (a,), (b,) = orthonormal([a]), orthonormal([b])
    quotients = (_inner(v, multiply_pixels(matrices, v)).real for v in (a, b))
    return torch.where(next(quotients) >= next(quotients), a, b)


def orthonormal(vectors: list[Tensor]) -> list[Tensor]:
    """Gram-Schmidt on vectors over coils, `(slice, coil, y, x)` each."""
    done: list[Tensor] = []
    for vector in vectors:
        for other in done:
            vector = vector - _inner(other, vector) * other
        norm = _inner(vector, vector).real.sqrt()
        done.append(vector / norm.clamp_min(torch.finfo(norm.dtype).tiny))
    return done


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """sum_c conj(a_c) b_c, `(slice, 1, y, x)`."""
    return (a.conj() * b).sum(1, keepdim=True)


def _on_grid(
    taps: Tensor,
    matrix: tuple[int, ...],
    stride: int,
    start: list[Tensor],
    steps: int,
    other: Tensor | None = None,
) -> tuple[list[Tensor], Tensor]:
    """`dominant` on every `stride`-th pixel, some rows at a time; the first set from `other` where that is closer."""
    slices, coils, height, width = start[0].shape
    rows = max(1, CHUNK // (slices * coils**2 * width))
    vectors, values = [], []
    for first in range(0, height, rows):
        last = min(first + rows, height)
        pixels = tap_images(taps, matrix, slice(first * stride, (last - 1) * stride + 1, stride), stride)
        begin = [v[..., first:last, :] for v in start]
        if other is not None:
            begin[0] = closer(pixels, begin[0], other[..., first:last, :])
        found, value = dominant(pixels, begin, steps)
        vectors.append(found)
        values.append(value)
    return [torch.cat(parts, -2) for parts in zip(*vectors, strict=True)], torch.cat(values, -2)


def _start(kspace: Tensor, acs: tuple[int, int], sets: int) -> list[Tensor]:
    """ACS images, already nearly the maps inside the object, lifted off zero; other sets start from plain waves."""
    images = ifft2c(only_centre(kspace, acs))
    coils = kspace.shape[1]
    level = images.abs().square().mean((1, 2, 3), keepdim=True).sqrt()
    first = images + (1e-3 * level + torch.finfo(level.dtype).tiny)
    ramp = torch.arange(coils, device=kspace.device)[:, None, None] / coils
    waves = [torch.exp(2j * math.pi * s * ramp).to(kspace.dtype).expand_as(first) for s in range(1, sets)]
    return [first, *waves]
