"""Undersampled multi-coil scans of training images, drawn in batches on the device, for supervised networks.

Conditions are those of evaluation.md 1, drawn at random. The coils are simpler than the simulator's; what matters is
that their maps are smooth, normalised, and known with an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.datasets.augmentation.draw import Draw
from medrecon.masks.random_lines import WIDTH
from medrecon.optimisation.sampling_normal import SamplingNormal, SenseNormal

ACS_LIMITS, ACS_LINES = (4.0, 6.0, 8.0), (20, 18, 16, 12)
LEAST_ACS = 8
BUMPS = 8
"""Of the maps' errors, across the image: the resolution of a calibration on some 16 lines."""
FOREGROUND = 0.1
"""Share of the 99th percentile (1 in the Problem's units) above which a pixel counts as head."""


@dataclass(frozen=True)
class RandomScanOptions:
    """Ranges, all log-uniform.

    coils : number of loops.
    accel : net acceleration.
    snr : mean foreground over the noise's standard deviation per real component, in the combined image.
    map_error : root mean square error of the maps over that of the maps themselves.
    """

    coils: int = 8
    accel: tuple[float, float] = (3.0, 12.0)
    snr: tuple[float, float] = (15.0, 60.0)
    map_error: tuple[float, float] = (0.005, 0.05)


@dataclass(frozen=True, eq=False)
class RandomScans:
    """A batch of scans of square images, as a reconstruction sees them.

    Attributes
    ----------
    maps : `(batch, coil, y, x)` the maps that are known, sum_c |S_c|^2 = 1.
    mask : `(batch, 1, y, x)` bool up to broadcasting: lines along one axis, the same for the batch.
    data : `(batch, y, x)` A^H y with those maps.
    sigma : `(batch,)` standard deviation of noise and model error per real component of a sample.
    """

    maps: Tensor
    mask: Tensor
    data: Tensor
    sigma: Tensor

    @property
    def normal(self) -> SenseNormal:
        """A^H A."""
        return SenseNormal(self.maps, self.mask)


def random_scans(images: Tensor, options: RandomScanOptions, generator: torch.Generator) -> RandomScans:
    """Scan complex `images` `(batch, n, n)` in the Problem's units."""
    draw, n = Draw(len(images), generator), images.shape[-1]
    true = random_maps(n, options.coils, draw)
    maps = mistaken(true, draw.log_uniform(*options.map_error, 1, 1, 1), draw)
    lines = random_lines(n, draw.log_uniform(*options.accel), draw)
    along_y = bool(torch.rand((), generator=generator, device=draw.device) < 0.5)
    mask = lines[:, None, :, None] if along_y else lines[:, None, None, :]
    sampling = SamplingNormal(mask, tuple(true.shape))
    noise = foreground_mean(images) / draw.log_uniform(*options.snr)
    white = torch.view_as_complex(draw.normal(options.coils, n, n, 2))
    received = sampling.forward(true * images[:, None] + noise[:, None, None, None] * white)
    data = (maps.conj() * received).sum(1)
    unexplained = sampling.forward((true - maps) * images[:, None])
    samples = 2 * options.coils * n * lines.sum(1)
    error = torch.view_as_real(unexplained).square().sum((1, 2, 3, 4)) / samples
    return RandomScans(maps, mask, data, (noise**2 + error).sqrt())


def random_maps(n: int, coils: int, draw: Draw) -> Tensor:
    """`(batch, coil, n, n)` fields of loops on an ellipse around the field of view, which has the length 1.

    Magnitude as on the axis of a loop of radius a, (1 + |d / a|^2)^(-3/2), phase as far from it, conj(d)^2, with d the
    complex distance in the plane.
    """
    position = (torch.arange(n, device=draw.device) - n // 2) / n
    pixels = torch.complex(position.expand(n, n), position[:, None].expand(n, n))
    place = torch.arange(coils, device=draw.device) + draw.uniform(0, 1, 1) + draw.uniform(-0.2, 0.2, coils)
    angle = (2 * math.pi / coils) * place
    loops = torch.complex(
        draw.uniform(0.6, 0.9, 1) * angle.cos() + draw.uniform(-0.1, 0.1, 1),
        draw.uniform(0.6, 0.9, 1) * angle.sin() + draw.uniform(-0.1, 0.1, 1),
    )
    distance = pixels - loops[:, :, None, None]
    square = torch.view_as_real(distance).square().sum(-1).clamp(min=1e-4)
    fall = (1 + square / draw.log_uniform(0.2, 0.6, 1, 1, 1) ** 2) ** -1.5
    gain = torch.polar(draw.uniform(0.8, 1.2, coils), draw.uniform(-math.pi, math.pi, coils))
    return normalised(gain[:, :, None, None] * (fall / square) * distance.conj() ** 2)


def mistaken(maps: Tensor, share: Tensor, draw: Draw) -> Tensor:
    """`maps` with a smooth complex error of `share` `(batch, 1, 1, 1)` of their root mean square, normalised again.

    The phase that all coils share is free, and chosen so that combining the true coil images leaves the image's own.
    """
    coils, n = maps.shape[1], maps.shape[-1]
    field = draw.smooth_field(n, BUMPS, 2 * coils).unflatten(1, (coils, 2))
    error = torch.complex(field[:, :, 0], field[:, :, 1])
    error = error / torch.view_as_real(error).square().sum(-1).mean((1, 2, 3), keepdim=True).sqrt()
    wrong = normalised(maps + share / math.sqrt(coils) * error)
    agreement = (wrong.conj() * maps).sum(1, keepdim=True)
    return wrong * torch.sgn(agreement)


def random_lines(n: int, accel: Tensor, draw: Draw) -> Tensor:
    """`(batch, n)` bool, the standard pattern (`masks.random_lines`) at net accelerations `(batch,)`."""
    k = torch.arange(n, device=draw.device) - n // 2
    count = (n / accel).round()
    limits, lines = (torch.tensor(values, device=draw.device) for values in (ACS_LIMITS, ACS_LINES))
    acs = lines[torch.bucketize(accel, limits)].minimum(count // 2).clamp(min=LEAST_ACS)[:, None]
    first = -torch.div(acs, 2, rounding_mode="floor")
    centre = (k >= first) & (k < first + acs)
    weight = torch.exp(-((k / (n // 2)) ** 2) / WIDTH)
    key = torch.where(centre, 1.0, torch.log1p(-draw.uniform(0, 1, n)) / weight)
    return key.argsort(1, descending=True).argsort(1) < count[:, None]


def foreground_mean(images: Tensor) -> Tensor:
    """`(batch,)` mean magnitude of the pixels of the head."""
    magnitude = images.abs()
    head = magnitude > FOREGROUND
    return (magnitude * head).sum((1, 2)) / head.sum((1, 2)).clamp(min=1)


def normalised(maps: Tensor) -> Tensor:
    """sum_c |S_c|^2 = 1 at every pixel."""
    length = torch.view_as_real(maps).square().sum((1, 4)).sqrt()
    return maps / length.clamp(min=torch.finfo(length.dtype).tiny)[:, None]
