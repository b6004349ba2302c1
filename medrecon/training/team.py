"""Who trains together: one process alone, or several that average their gradients (`medrecon.training.launch`)."""

from __future__ import annotations

from typing import Protocol, final

from torch import Tensor, nn


class Team(Protocol):
    """Processes that train one network, each on batches of its own; process 0 decides and writes."""

    @property
    def rank(self) -> int:
        """Number of this process."""
        ...

    @property
    def size(self) -> int:
        """Number of all processes."""
        ...

    def share(self, network: nn.Module) -> nn.Module:
        """`network` as it must be called, so that its gradients are means over the team."""
        ...

    def agree(self, values: list[float]) -> list[float]:
        """The values of process 0."""
        ...

    def mean(self, value: Tensor) -> Tensor:
        """Mean over the processes."""
        ...

    def gather(self, value: Tensor) -> Tensor:
        """`(size, …)` values of all processes, on the CPU."""
        ...


@final
class Alone:
    """A single process."""

    rank, size = 0, 1

    def share(self, network: nn.Module) -> nn.Module:
        return network

    def agree(self, values: list[float]) -> list[float]:
        return values

    def mean(self, value: Tensor) -> Tensor:
        return value

    def gather(self, value: Tensor) -> Tensor:
        return value.cpu()[None]


ALONE = Alone()
