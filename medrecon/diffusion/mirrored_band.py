"""Views for networks that are told where the low band lies: image and low band mirrored alike, by turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from medrecon.diffusion.band_denoiser import BandEstimate
from medrecon.diffusion.sampler import in_mirror

CLOSE = 1e-5
"""Share by which a level may miss its place in the grid: far above rounding, far below the step of any grid."""


@final
@dataclass(frozen=True, eq=False)
class MirroredEstimate:
    """A `BandEstimate` that sees its inputs mirrored along y, x, both or neither by turns, as `Sampler.mirrored` says.

    The band itself stays where it is: high and low part are told apart before, and the answer is projected after, in
    the image as it lies. Bands of an even number of lines are one line off in the mirror.

    Attributes
    ----------
    estimate : of the high band.
    sigmas : `(steps,)` of the sampler's grid, descending. The step is read off them, since the sampler tells a denoiser
        the level alone.
    """

    estimate: BandEstimate
    sigmas: Tensor

    def __call__(self, high: Tensor, low: Tensor, sigma: Tensor) -> Tensor:
        """`high` and `low` `(batch, y, x)`; all images are at the same step, each at its own level."""
        step = (self.sigmas > (1 + CLOSE) * sigma.flatten()[0]).sum()
        return in_mirror(self.estimate(in_mirror(high, step), in_mirror(low, step), sigma), step)
