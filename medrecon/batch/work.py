"""`Work`: what is done to every item. It is sent to workers; `Steps` is what it becomes on a worker's device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from medrecon.batch.item import Item

Kind = TypeVar("Kind", bound=Item)
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Written:
    """What is said of an item that is done.

    slices, bytes : of its output, where it has one.
    warnings : what may be wrong with it, one sentence each without a full stop.
    found : what is not written by the worker, and goes to whoever asked for it.
    """

    slices: int = 0
    warnings: tuple[str, ...] = ()
    bytes: int = 0
    found: Any = None


class Steps(ABC, Generic[Kind, Given, Made]):
    """Items on one device, with a prior that was loaded once.

    Three steps, so that items can begin and end while others are worked on. Only `reconstruct` uses the device.

    together : slices that `reconstruct` is to have at once, of as many items as that takes; with 0 it is given one item
        at a time.
    """

    together: int = 0

    @abstractmethod
    def begin(self, item: Kind) -> Given:
        """What the item needs, ready for work, on the CPU; raises InputError."""

    def slices(self, given: Given) -> int:  # noqa: ARG002
        """How many slices of an item take part: its share of `together`."""
        return 1

    @abstractmethod
    def reconstruct(self, given: Sequence[Given]) -> Sequence[Made]:
        """A result for each, on the CPU; raises InputError, of which item only where there is one."""

    @abstractmethod
    def end(self, item: Kind, given: Given, made: Made) -> Written:
        """Put the result where it belongs; raises InputError."""


class Work(ABC):
    """One command with its options; a frozen dataclass, to be pickled."""

    @abstractmethod
    def on(self, device: torch.device) -> Steps[Any, Any, Any]:
        """Load what every item needs; raises InputError."""
