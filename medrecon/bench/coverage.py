"""Is a standard deviation worth its name? Shares of the truth within it, and its rank correlation with the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Image = NDArray[np.float64]
WIDTHS = (1, 2)
CALIBRATED = (0.6827, 0.9545)
"""Shares of a normal distribution within them."""


def coverage(error: Image, std: Image) -> tuple[float, ...]:
    """Shares of the pixels whose |error| lies within 1 and 2 standard deviations."""
    return tuple(float((np.abs(error) <= k * std).mean()) for k in WIDTHS)


def needed_factor(error: Image, std: Image) -> float | None:
    """Factor on the deviation at which the share within 1 of them is the calibrated one: above 1 means overconfident.

    None where most pixels have no deviation at all.
    """
    ratios = np.divide(np.abs(error), std, out=np.full(error.shape, np.inf), where=std > 0)
    found = float(np.quantile(ratios, CALIBRATED[0], method="higher"))
    return found if np.isfinite(found) else None


def rank_correlation(error: Image, std: Image) -> float | None:
    """Spearman's of deviation and |error|; None where one of them does not vary."""
    if np.ptp(np.abs(error)) == 0 or np.ptp(std) == 0:
        return None
    ranks = (stats.rankdata(values) for values in (std, np.abs(error)))
    return float(np.corrcoef(*ranks)[0, 1])


def attainable_correlation(std: Image) -> float | None:
    """The rank correlation of `std` with errors that are normal and exactly as wide as it says.

    Less than 1, since a wide error may be small by chance, and the less the more alike all deviations are.
    """
    return rank_correlation(np.random.default_rng(0).normal(size=std.shape) * std, std)


def of_slices(
    image: Sequence[Image],
    std: Sequence[Image],
    truth: Sequence[Image],
    heads: Sequence[NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    """One record a slice, of the pixels inside its foreground `heads`; slices without any are left out."""
    found = []
    for pixels, spread, true, head in zip(image, std, truth, heads, strict=True):
        if not head.any():
            continue
        error, deviation = (pixels - true)[head], spread[head]
        within = coverage(error, deviation)
        found.append(
            {
                "within_1_std": within[0],
                "within_2_std": within[1],
                "rank_correlation": rank_correlation(error, deviation),
                "attainable_correlation": attainable_correlation(deviation),
                "needed_factor": needed_factor(error, deviation),
                "pixels": int(head.sum()),
            }
        )
    return found
