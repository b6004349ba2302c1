"""One function of tensors, recorded once on CUDA and replayed: hundreds of small launches become one."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]


@final
class Replay:
    """`function(*tensors) -> tensors`; on CUDA its first call is recorded as a graph, which later calls replay.

    The function must have run before with inputs of these shapes (libraries set themselves up then), may not look at
    values on the host, and always reads the same other tensors. What a call returns is overwritten by the next one;
    it may be given back as input, though. On other devices the function is called as it is.
    """

    def __init__(self, function: Callable[..., Tensors]) -> None:
        self.function = function
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Tensors = ()
        self._outputs: Tensors = ()

    def __call__(self, *inputs: Tensor) -> Tensors:
        if not inputs[0].is_cuda:
            return self.function(*inputs)
        if self._graph is None:
            self._inputs = tuple(x.clone() for x in inputs)
            self._graph = torch.cuda.CUDAGraph()
            with uncollected(), torch.cuda.graph(self._graph):
                self._outputs = self.function(*self._inputs)
        else:
            # all reads before all writes: outputs given back as inputs may be in another order
            for own, given in zip(self._inputs, [_apart(x, self._inputs) for x in inputs], strict=True):
                own.copy_(given)
        self._graph.replay()
        return self._outputs


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: an older graph that is freed while one is recorded spoils the recording."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _apart(x: Tensor, buffers: Tensors) -> Tensor:
    """`x`, or a copy where it is one of the buffers that are about to be written."""
    return x.clone() if any(x.data_ptr() == b.data_ptr() for b in buffers) else x
