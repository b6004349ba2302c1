"""A prior in other units: what the published forms need, whose levels and times belong to their own scale."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from medrecon.diffusion.band_denoiser import BandEstimate
from medrecon.diffusion.prior import Prior


def rescaled(prior: Prior, unit: Tensor) -> Prior:
    """The prior of images that are `unit` times as large, `(image, 1, 1)`; `variance` and `levels` stay as they are."""

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        path = prior.path
        level = path.level(path.sigma(t) / unit.flatten())
        a = path.a(level)[..., None, None] / path.a(t)[..., None, None]
        return unit * prior.denoise(a * x / unit, level)

    def of_band(fractions: Tensor) -> tuple[BandEstimate, float]:
        assert prior.of_band is not None
        estimate, variance = prior.of_band(fractions)

        def larger(high: Tensor, low: Tensor, sigma: Tensor) -> Tensor:
            return unit * estimate(high / unit, low / unit, sigma / unit.flatten())

        return larger, variance

    return replace(prior, denoise=denoise, of_band=None if prior.of_band is None else of_band)
