"""Accelerated proximal gradient."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from medrecon.replay import Replay, Tensors


def fista(
    gradient: Callable[[Tensor], Tensor], prox: Callable[..., Tensors], x0: Tensor, iterations: int
) -> Iterator[Tensor]:
    """Yield the iterates of FISTA (Beck and Teboulle 2009, eq. 4.1-4.3).

    Minimises f + g from `x0`: `gradient` is that of f, Lipschitz with constant at most 1; `prox` is that of g, as
    `prox(b, *carried) -> (x, *carried)`. What it carries from call to call, tensors of fixed shapes, is handed back to
    it; the first call gets `b` alone.

    On CUDA the iterations after the first are one recorded graph: `gradient` and `prox` may not look at values on the
    host, copy from it or draw random numbers, and an iterate is overwritten by the next one.
    """

    def step(x: Tensor, extrapolated: Tensor, momentum: Tensor, *carried: Tensor) -> Tensors:
        new, *carried_on = prox(extrapolated - gradient(extrapolated), *carried)
        return new, new + momentum * (new - x), *carried_on

    later = Replay(step)
    x, extrapolated, carried = x0, x0, ()
    for i, momentum in enumerate(torch.tensor(momenta(iterations), dtype=x0.real.dtype, device=x0.device)):
        x, extrapolated, *carried = (later if i else step)(x, extrapolated, momentum, *carried)
        yield x


def momenta(count: int) -> list[float]:
    """(t_k - 1) / t_(k+1) of eq. 4.2-4.3, by which iterate k is extrapolated; the first is 0."""
    values, t = [], 1.0
    for _ in range(count):
        t, t_previous = (1 + (1 + 4 * t * t) ** 0.5) / 2, t
        values.append((t_previous - 1) / t)
    return values
