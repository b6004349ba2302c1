"""Priors on the high band of images whose low band is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from torch import Tensor

from medrecon.diffusion.path import AffinePath
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.operators.highpass import HighPass

BandEstimate = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(F_h x_t / a, low band, sigma) to an estimate of the high band; what it holds of lower frequencies means nothing."""


@final
@dataclass(frozen=True, eq=False)
class BandDenoiser:
    """(x, t) -> F_l x0 + F_h E[x0 | low band, high band of x_t].

    Attributes
    ----------
    estimate, path, high : the prior's estimate for the band outside of which F_h looks.
    low : `(batch, y, x)` the low band where it is known and stays; None takes that of x, where HFS-SDE leaves it.
    """

    estimate: BandEstimate
    path: AffinePath
    high: HighPass
    low: Tensor | None = None

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        low, estimate = self._both(x, t)
        return low + self.high(estimate)

    def unprojected(self, x: Tensor, t: Tensor) -> Tensor:
        """The network's own word on every frequency, trained in the high band alone."""
        return self._both(x, t)[1]

    def _both(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        band = self.high(x)
        low = x - band if self.low is None else self.low
        level = t[..., None, None]
        return low, self.estimate(band / self.path.a(level), low, self.path.sigma(t))


def restricted(prior: Prior, high: HighPass, low: Tensor | None = None) -> Prior:
    """`prior` on the high band outside `high`'s; its `denoise` is a `BandDenoiser`.

    A prior of whole images is shown the known low band beside the noisy high one, cleaner there than it expects.
    Raises InputError where a prior of the high band meets a band of no lines.
    """
    if prior.of_band is None:
        return replace(prior, denoise=BandDenoiser(_of_images(prior), prior.path, high, low))
    if not bool(high.fractions.all()):
        raise InputError(f"{prior.name} knows the high band alone, and there is no low one; give a width of 1 or more")
    estimate, variance = prior.of_band(high.fractions)
    return replace(prior, denoise=BandDenoiser(estimate, prior.path, high, low), variance=variance)


def _of_images(prior: Prior) -> BandEstimate:
    def estimate(high: Tensor, low: Tensor, sigma: Tensor) -> Tensor:
        t = prior.path.level(sigma)
        return prior.denoise(prior.path.a(t[..., None, None]) * (low + high), t) - low

    return estimate
