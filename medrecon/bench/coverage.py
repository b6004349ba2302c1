"""Is a standard deviation worth its name? Shares of the truth within it, and its rank correlation with the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Image = NDArray[np.float64]
WIDTHS = (1, 2)


def coverage(error: Image, std: Image) -> tuple[float, ...]:
    """Shares of the pixels whose |error| lies within 1 and 2 standard deviations."""
    return tuple(float((np.abs(error) <= k * std).mean()) for k in WIDTHS)


def if_calibrated(samples: int) -> tuple[float, ...]:
    """What coverage would be with `samples` draws of the true posterior: 68 and 95 % are reached by many of them only.

    Mean and standard deviation of K normal draws are uncertain themselves: truth minus mean, over the deviation and
    sqrt(1 + 1 / K), follows Student's t with K - 1 degrees of freedom.
    """
    t = stats.t(samples - 1)
    return tuple(float(2 * t.cdf(k / np.sqrt(1 + 1 / samples)) - 1) for k in WIDTHS)


def needed_factor(error: Image, std: Image, samples: int) -> float | None:
    """Factor on the deviation at which the share within 1 of them is the calibrated one: above 1 means overconfident.

    None where most pixels have no deviation at all.
    """
    wanted = if_calibrated(samples)[0]
    ratios = np.divide(np.abs(error), std, out=np.full(error.shape, np.inf), where=std > 0)
    found = float(np.quantile(ratios, wanted, method="higher"))
    return found if np.isfinite(found) else None


def rank_correlation(error: Image, std: Image) -> float | None:
    """Spearman's of deviation and |error|; None where one of them does not vary."""
    if np.ptp(np.abs(error)) == 0 or np.ptp(std) == 0:
        return None
    ranks = (stats.rankdata(values) for values in (std, np.abs(error)))
    return float(np.corrcoef(*ranks)[0, 1])


def of_slices(
    image: Sequence[Image],
    std: Sequence[Image],
    truth: Sequence[Image],
    heads: Sequence[NDArray[np.bool_]],
    samples: int,
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
                "needed_factor": needed_factor(error, deviation, samples),
                "pixels": int(head.sum()),
            }
        )
    return found
