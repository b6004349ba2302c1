"""Does the image explain the data? The residual in units of the noise (evaluation.md 4)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from medrecon.problem import Problem

HEALTHY = (0.8, 1.2)


def residuals(problem: Problem, image: Tensor) -> Tensor:
    """`(slice,)` of ||A u - y|| / (sigma sqrt(2 n)) for images `(slice, y, x)` in the Problem's units.

    n counts complex samples of all coils, sigma is the noise per real component: 1 for the true image and maps.
    nan where the noise level is zero.
    """
    samples = int(problem.mask.sum()) * problem.kspace.shape[1]
    difference = (problem.forward(image) - problem.kspace).abs().double().square().sum((-3, -2, -1)).sqrt()
    expected = problem.noise.double() * (2 * samples) ** 0.5
    return difference.div(expected).where(expected > 0, float("nan"))


def residual_warning(values: Sequence[float], drawn: bool) -> str | None:
    """What an unhealthy residual can mean, or None; `drawn` is True for a single posterior sample.

    A mean of samples or a classical image follows part of the noise, so that it lies lower without fault.
    """
    low, high = HEALTHY
    if max(values, default=1.0) > high:
        return (
            f"residual {max(values):.2f} is above {high}: the image does not explain the data to their noise; "
            "coil maps that do not match, motion, or a noise level set too low can be the cause"
        )
    if drawn and min(values, default=1.0) < low:
        return (
            f"residual {min(values):.2f} is below {low}: the image follows the noise of the data; "
            "a noise level set too high can be the cause"
        )
    return None
