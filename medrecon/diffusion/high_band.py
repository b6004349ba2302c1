"""The path of HFS-SDE: any affine path, walked by the high band alone (Cao et al. 2024; specification 2.2)."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from medrecon.diffusion.path import AffinePath
from medrecon.operators.linear import LinearOperator


@final
@dataclass(frozen=True, eq=False)
class HighBandPath:
    """x_t = F_l x0 + a(t) F_h x0 + b(t) F_h e: the low band F_l = I - F_h stays as it is.

    F_h is a projector, so that drift and noise of dx = -beta F_h x / 2 dt + sqrt(beta) F_h dw leave the low band alone
    and are the scalar path in the high one. On VP this is HFS-SDE; on VE its drift is zero.

    Attributes
    ----------
    path : the scalar path.
    high : F_h, one band for all images or one an image.
    """

    path: AffinePath
    high: LinearOperator

    def perturbed(self, x0: Tensor, e: Tensor, t: Tensor) -> Tensor:
        """x_t of images `(…, y, x)` and white noise `e`; `t` is one level, or one an image."""
        level = t[..., None, None]
        return x0 + self.high((self.path.a(level) - 1) * x0 + self.path.b(level) * e)

    def score(self, x: Tensor, x0: Tensor, t: Tensor) -> Tensor:
        """(a x0 - x) / b^2 in the high band: the score per real component for an estimate `x0` (Tweedie)."""
        level = t[..., None, None]
        return self.high(self.path.a(level) * x0 - x) / self.path.b(level) ** 2
