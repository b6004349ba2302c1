"""How much of a lesion's contrast comes through: the slope of what is seen on what is there (evaluation.md 6)."""

from __future__ import annotations

from torch import Tensor


def recovered_contrast(with_lesion: Tensor, without: Tensor, true_difference: Tensor, inside: Tensor) -> float | None:
    """Slope through the origin of `with_lesion - without` on `true_difference`, over the pixels `inside` the lesion.

    All are `(y, x)`, images and difference in HU, `inside` bool. 1 for all of the contrast, 0 for none of it; the noise
    of both images should be one, so that it cancels. None where the true difference is zero.
    """
    seen, true = (with_lesion - without)[inside].double(), true_difference[inside].double()
    energy = float(true.square().sum())
    return float((seen * true).sum()) / energy if energy > 0 else None
