"""Accelerated proximal gradient."""

from collections.abc import Callable, Iterator

from torch import Tensor


def fista(gradient: Callable[[Tensor], Tensor], prox: Callable[[Tensor], Tensor], x0: Tensor) -> Iterator[Tensor]:
    """Yield the iterates of FISTA without end (Beck and Teboulle 2009, eq. 4.1-4.3).

    Minimises f + g from `x0`: `gradient` is that of f, Lipschitz with constant at most 1; `prox` is that of g.
    The caller takes as many as it wants: `itertools.islice(fista(...), 100)`.
    """
    x, extrapolated, t = x0, x0, 1.0
    while True:
        previous, x = x, prox(extrapolated - gradient(extrapolated))
        t, t_previous = (1 + (1 + 4 * t * t) ** 0.5) / 2, t
        yield x
        extrapolated = x + ((t_previous - 1) / t) * (x - previous)
