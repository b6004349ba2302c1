"""Conjugate gradients on many independent complex systems at once."""

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate_gradient(
    gram: Callable[[Tensor], Tensor],
    rhs: Tensor,
    x0: Tensor | None,
    iterations: int,
    *,
    batch_axes: int = 1,
    tolerance: float = 0.0,
) -> Tensor:
    """Solve `gram(x) = rhs`, `gram` Hermitian positive semi-definite, with a fixed count of iterations.

    The first `batch_axes` axes number independent systems: steps and stopping are their own, so that a slice's
    result does not depend on its neighbours. A system whose residual has fallen below `tolerance` times ||rhs||,
    or to zero, stays where it is; nothing is copied to the host to find out. (Hestenes and Stiefel 1952)

    `x0` None starts from zero and saves one product. Returns a tensor of `rhs`'s shape.
    """
    x = torch.zeros_like(rhs) if x0 is None else x0
    residual = rhs.clone() if x0 is None else rhs - gram(x0)
    direction, power = residual, _dot(residual, residual, batch_axes)
    floor = tolerance**2 * _dot(rhs, rhs, batch_axes)
    for _ in range(iterations):
        product = gram(direction)
        curvature = _dot(direction, product, batch_axes)
        active = (power > floor) & (curvature > 0)
        step = _ratio(power, curvature, active)
        x = x + step * direction
        residual = residual - step * product
        new_power = torch.where(active, _dot(residual, residual, batch_axes), power)
        direction = torch.where(active, residual + _ratio(new_power, power, active) * direction, direction)
        power = new_power
    return x


def _dot(a: Tensor, b: Tensor, batch_axes: int) -> Tensor:
    """Real part of <a, b> of each system, with its axes kept."""
    axes = tuple(range(batch_axes, a.ndim))
    return (a.conj() * b).real.sum(axes, keepdim=True)


def _ratio(top: Tensor, bottom: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid, top / torch.where(valid, bottom, torch.ones_like(bottom)), torch.zeros_like(top))
