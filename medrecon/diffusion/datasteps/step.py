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


def trust(sigma: Tensor, variance: float) -> Tensor:
    """r_t^2 = sigma^2 v / (sigma^2 + v): variance of x0 given x_t for a prior of variance v, per real component."""
    return sigma**2 * variance / (sigma**2 + variance)
