"""`DataStep`: pulls an estimate of the clean image towards the measurements."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor


class DataStep(ABC):
    """Callable `(x0, sigma) -> x0` on combined images `(slice, y, x)`; slices never influence each other.

    history : which direction enters the integrator's history. "conditional": the one that belongs to the
        data-consistent estimate, (x_t - a x0_dc) / b; the step then turns the denoiser into that of the posterior.
        "raw": the prior's own; data touch only the extrapolated estimate. Settled by the posterior test.
    """

    history: ClassVar[Literal["conditional", "raw"]]

    @abstractmethod
    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:
        """The estimate after the data; `sigma` = b / a of the level that `x0` was estimated at."""


class PosteriorStep(DataStep):
    """A data step that can also draw from p(x0 | x_t, y) instead of taking its mean.

    Perturb and solve (Papandreou and Yuille 2010): each quadratic term of the step is moved by noise of its own
    variance, and the moved problem solved; for a Gaussian p(x0 | x_t) with converged CG an exact draw. With fresh noise
    from level to level, x_s = a x0 + b z, this is decoupled annealing posterior sampling (Zhang et al. 2024).

    normals : standard normal images that a draw uses.

    The pull towards x0 is r_t^2 = sigma^2, that of directions which the prior leaves wide and data therefore decide,
    while x0 itself moves by the denoiser's mean error `spread`; the posterior test holds both against other choices.
    """

    normals: int

    @abstractmethod
    def draw(self, x0: Tensor, sigma: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """One draw of the estimate after the data.

        `spread` is the denoiser's error at `sigma` (`Prior.spread`), `noise` `(slice, normals, y, x)` complex, of unit
        variance per real component.
        """


def trust(sigma: Tensor, variance: float) -> Tensor:
    """r_t^2 = sigma^2 v / (sigma^2 + v): variance of x0 given x_t for a prior of variance v, per real component."""
    return sigma**2 * variance / (sigma**2 + variance)
