"""`Prior`: what is known of images before any data, as a denoiser with its units and its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from medrecon.diffusion.band_denoiser import BandEstimate
from medrecon.diffusion.datasteps.step import trust
from medrecon.diffusion.denoiser_error import DenoiserError
from medrecon.diffusion.path import AffinePath


@dataclass(frozen=True, eq=False)
class Prior:
    """A denoiser on complex images in the Problem's units (99th percentile of the ACS image = 1).

    Attributes
    ----------
    denoise : callable `(x, t) -> E[x0 | x_t = x]`; x is `(…, y, x)` complex, t a level of `path`.
    path : the affine path that the network was trained on.
    variance : variance of the images per real component, after scaling (the v of decisions.md).
    levels : (lowest, highest) sigma = b/a that the network was trained on.
    name, sha256, record : which weights these are; the record goes into the provenance.
    error : the denoiser's measured error; None where nobody measured it.
    temperature : factor on the standard deviation of posterior draws, found on tuning images; None where it was not
        looked for, so that their spread is not calibrated.
    of_band : for priors of the high band alone: the `(y, x)` shares of k-space that the low band spans, to the estimate
        outside it and the variance there (`band_denoiser.restricted`). None for priors of whole images.
    """

    denoise: Callable[[Tensor, Tensor], Tensor]
    path: AffinePath
    variance: float
    levels: tuple[float, float]
    name: str = "analytic"
    sha256: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    error: DenoiserError | None = None
    temperature: float | None = None
    of_band: Callable[[Tensor], tuple[BandEstimate, float]] | None = None

    def spread(self, sigma: Tensor) -> Tensor:
        """Standard deviation of x0 given x_t per real component, of the shape of `sigma`.

        Without a measured error that of the best pixelwise linear denoiser, which knows the variance alone: no good
        denoiser errs more, so that draws are then too wide rather than too narrow.
        """
        return trust(sigma, self.variance).sqrt() if self.error is None else self.error(sigma)
