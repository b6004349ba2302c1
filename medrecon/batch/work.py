"""`Work`: what is done to every file. It is sent to workers; `Steps` is what it becomes on a worker's device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Written:
    """What is said of an output: its slices, and what may be wrong with it, one sentence each without a full stop."""

    slices: int
    warnings: tuple[str, ...] = ()


class Steps(ABC, Generic[Given, Made]):
    """Files on one device, with a prior that was loaded once.

    Three steps, so that files can be read and written while others are worked on. Only `reconstruct` uses the device.

    together : slices that `reconstruct` is to have at once, of as many files as that takes; with 0 it is given one file
        at a time.
    """

    together: int = 0

    @abstractmethod
    def read(self, path: Path) -> Given:
        """The file, ready for work, on the CPU; raises InputError."""

    def slices(self, given: Given) -> int:  # noqa: ARG002
        """How many slices of a file take part: its share of `together`."""
        return 1

    @abstractmethod
    def reconstruct(self, given: Sequence[Given]) -> Sequence[Made]:
        """A result for each, on the CPU; raises InputError, of which file only where there is one."""

    @abstractmethod
    def write(self, given: Given, made: Made, out: Path) -> Written:
        """Judge the result and write `out`, whole or not at all; raises InputError."""


class Work(ABC):
    """One command with its options; a frozen dataclass, to be pickled."""

    @property
    @abstractmethod
    def command(self) -> str:
        """The command that does the same to one file."""

    @property
    @abstractmethod
    def options(self) -> Mapping[str, Any]:
        """What decides the numbers, ready for JSON; no paths."""

    @abstractmethod
    def weights(self, device: torch.device) -> Mapping[str, Any] | None:
        """Name and hash of the network that is used on `device`, None without one; raises InputError."""

    @abstractmethod
    def on(self, device: torch.device) -> Steps[Any, Any]:
        """Load what every file needs; raises InputError."""
