"""Noise power spectra of CT images, and how far two of them lie apart: what a denoiser does to texture.

A spectrum is measured in squares where the anatomy is uniform, each freed of its quadratic trend (ICRU Report 87,
2012): NPS(f_y, f_x) = (dy dx / N^2) mean |DFT(square)|^2 in HU^2 mm^2, then averaged over rings of equal
|f|. Its integral over the plane is the variance of the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

SIDE = 32
"""Of a square in pixels: 22 mm at the usual 0.7 mm."""
STEP = 8
TISSUE = (-150.0, 150.0)
"""Mean HU of a square: air holds no noise once it is clipped, and bone is never uniform."""
UNIFORM = 12.0
"""Standard deviation in HU, of the image smoothed over `SMOOTH` pixels, up to which a square counts as uniform."""
SMOOTH = 7
MOST = 8
"""Squares a slice; the most uniform ones."""

Square = tuple[int, int, int]
"""(slice, y, x) of a square's first pixel."""


@dataclass(frozen=True, eq=False)
class NoiseSpectrum:
    """Radial noise power.

    Attributes
    ----------
    frequency : `(ring,)` mean |f| of each ring in cycles/mm, up to the Nyquist frequency of the larger pixel side.
    power : `(ring,)` in HU^2 mm^2.
    deviation : standard deviation of the noise in HU, from all of the plane.
    """

    frequency: Tensor
    power: Tensor
    deviation: float

    @property
    def shape(self) -> Tensor:
        """`(ring,)` power over its sum: texture without strength; zeros where there is no noise."""
        total = self.power.sum()
        return self.power / total if float(total) > 0 else torch.zeros_like(self.power)


@dataclass(frozen=True)
class SpectrumDistance:
    """How far a spectrum lies from another.

    Attributes
    ----------
    texture : ||n - m|| / ||m|| of the normalised radial spectra; 0 for noise of the same colour, however strong, and 1
        for an image without any noise.
    power : the same of the spectra themselves, so that strength counts.
    deviation_ratio : standard deviation of the noise over that of the other.
    """

    texture: float
    power: float
    deviation_ratio: float


def uniform_squares(reference: Tensor) -> list[Square]:
    """Where `reference` `(slice, y, x)` in HU is uniform soft tissue: up to MOST squares a slice that do not overlap.

    Only the smoothed image is looked at, so that noise does not decide; the most uniform squares are taken first.
    """
    found: list[Square] = []
    for index, image in enumerate(reference.float()):
        if min(image.shape) < SIDE:
            continue
        smooth = _smoothed(image)
        mean = _squares_mean(smooth)
        spread = (_squares_mean(smooth.square()) - mean.square()).clamp_min(0).sqrt()
        suits = (mean > TISSUE[0]) & (mean < TISSUE[1]) & (spread < UNIFORM)
        places = sorted((s, y, x) for s, (y, x) in zip(spread[suits].tolist(), suits.nonzero().tolist(), strict=True))
        found += [(index, y, x) for y, x in _apart([(y * STEP, x * STEP) for _, y, x in places])]
    return found


def noise_spectrum(image: Tensor, squares: Sequence[Square], voxel_mm: tuple[float, float]) -> NoiseSpectrum:
    """Spectrum of `image` `(slice, y, x)` in HU within `squares`, of at least one; pixels are `voxel_mm` (y, x).

    Give an image minus its noise-free truth where that is known, and then any squares; otherwise the image itself.
    """
    cut = torch.stack([image[i, y : y + SIDE, x : x + SIDE] for i, y, x in squares]).double()
    plane = torch.fft.fft2(_without_trend(cut)).abs().square().mean(0) * (voxel_mm[0] * voxel_mm[1] / SIDE**2)
    frequency = torch.hypot(
        torch.fft.fftfreq(SIDE, voxel_mm[0], device=image.device, dtype=torch.float64)[:, None],
        torch.fft.fftfreq(SIDE, voxel_mm[1], device=image.device, dtype=torch.float64)[None, :],
    )
    rings = SIDE // 2
    width = 0.5 / max(voxel_mm) / rings
    ring = (frequency / width).round().long()
    inside = (ring >= 1) & (ring <= rings)  # the trend took ring 0; corners beyond Nyquist are no whole rings
    count = torch.zeros(rings + 1, dtype=torch.float64, device=image.device)
    power, place = count.clone(), count.clone()
    count.index_add_(0, ring[inside], torch.ones_like(plane[inside]))
    power.index_add_(0, ring[inside], plane[inside])
    place.index_add_(0, ring[inside], frequency[inside])
    seen = count > 0
    variance = float(plane.sum()) / (SIDE**2 * voxel_mm[0] * voxel_mm[1])
    return NoiseSpectrum((place[seen] / count[seen]).cpu(), (power[seen] / count[seen]).cpu(), variance**0.5)


def spectrum_distance(spectrum: NoiseSpectrum, other: NoiseSpectrum) -> SpectrumDistance:
    """Distance of `spectrum` from `other`, measured in squares of the same pixels.

    Texture is compared as in Solomon, Christianson and Samei (Med. Phys. 39, 6048, 2012), by the root mean square
    deviation of normalised radial spectra; here it is taken relative to the other's, which makes it a pure number.
    """

    def relative(a: Tensor, b: Tensor) -> float:
        return float((a - b).norm() / b.norm())

    return SpectrumDistance(
        texture=relative(spectrum.shape, other.shape),
        power=relative(spectrum.power, other.power),
        deviation_ratio=spectrum.deviation / other.deviation if other.deviation > 0 else float("nan"),
    )


def _smoothed(image: Tensor) -> Tensor:
    border = SMOOTH // 2
    padded = pad(image[None, None], (border,) * 4, mode="replicate")
    return avg_pool2d(padded, SMOOTH, stride=1)[0, 0]


def _squares_mean(image: Tensor) -> Tensor:
    return avg_pool2d(image[None, None].double(), SIDE, stride=STEP)[0, 0]


def _apart(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first MOST of `places` that do not overlap with an earlier one."""
    kept: list[tuple[int, int]] = []
    for y, x in places:
        if len(kept) < MOST and all(max(abs(y - b), abs(x - a)) >= SIDE for b, a in kept):
            kept.append((y, x))
    return kept


def _without_trend(squares: Tensor) -> Tensor:
    """`(square, N, N)` minus the quadratic polynomial of least squares in each."""
    axis = torch.linspace(-1, 1, SIDE, dtype=squares.dtype, device=squares.device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    basis = torch.stack([torch.ones_like(y), y, x, y * y, y * x, x * x]).reshape(6, -1)
    basis = torch.linalg.qr(basis.T)[0]
    flat = squares.reshape(len(squares), -1)
    return (flat - flat @ basis @ basis.T).reshape(squares.shape)
