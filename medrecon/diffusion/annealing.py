"""Decoupled annealing: how levels are walked, and noise renewed, for draws of the posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

CG = 10
"""Conjugate-gradient iterations of a draw; with five, low noise leaves a bias of a quarter of a deviation."""


@final
@dataclass(frozen=True)
class Annealing:
    """x0 ~ p(x0 | x_t, y), then x_s = a_s x0 + b_s (sqrt(1 - r^2) z - r e), z fresh and e = (x_t - a_t x0) / b_t.

    r = 0 is decoupled annealing (Zhang et al. 2024): what one level draws wrongly the next ones forget, since nothing
    but x0 is carried on. Given x0 and the data, e is itself standard normal, so that any r in [-1, 1] leaves the
    distribution as it is; r > 0 over-relaxes (Adler 1981), which crosses the posterior in fewer levels than a random
    walk.

    The defaults were chosen on the four mixtures of `fixtures.KINDS` with seed = components, among some forty variants,
    and meet evaluation.md 5 there. On mixtures that had no part in the choice they do so for all kinds but the strongly
    anisotropic one of several components, where Gaussian p(x0 | x_t) weighs the components wrongly
    (`benchmarks/posterior_fixtures.py` has both).

    Attributes
    ----------
    steps : network calls.
    start : first level, in standard deviations of the prior's images; sampling starts from the Gaussian estimate.
    end : last level, in standard deviations of the data.
    rho : spacing of the levels (Karras et al. 2022).
    relaxation : r.
    """

    steps: int = 50
    start: float = 1.2
    end: float = 0.5
    rho: float = 3.0
    relaxation: float = 0.7

    def renewed(self, e: Tensor, z: Tensor) -> Tensor:
        """The noise of the next level, from the noise `e` of this one and a fresh `z`."""
        return (1 - self.relaxation**2) ** 0.5 * z - self.relaxation * e
