"""`Adapter`: which numbers of a network a slice may move, as one vector a slice.

The network itself is never written to: values take part in a call and are gone after it, so that the next slice finds
the weights bit for bit as they were loaded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

Change = Callable[[Tensor, Tensor], Tensor]
"""(input, output) of a layer to its new output."""


class Adapter(ABC):
    """Callable `(values, *inputs) -> output` of a network under `values` `(n, size)`, in single precision.

    size : values a slice.
    shared : whether slices share the weights, so that many adapt in one call; else n is 1.
    """

    size: int
    shared: bool = True

    @abstractmethod
    def start(self, n: int) -> Tensor:
        """`(n, size)` values under which the network is as it was trained."""

    @abstractmethod
    def __call__(self, values: Tensor, *inputs: Tensor) -> Tensor:
        """The network's output; differentiable in `values`."""


@contextmanager
def changed(layers: Sequence[nn.Module], changes: Sequence[Change]) -> Iterator[None]:
    """What the layers give is changed while the block runs."""

    def hook(change: Change) -> Callable[[nn.Module, Any, Any], Tensor]:
        return lambda _, inputs, output: change(inputs[0], output)

    handles = [layer.register_forward_hook(hook(change)) for layer, change in zip(layers, changes, strict=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
