"""`Work`: what is done to every file. It is sent to workers; `Steps` is what it becomes on a worker's device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
    """One file after another on one device, with a prior that was loaded once.

    Three steps, so that the next file can be read and the last one written while this one is worked on. Whoever wants
    slices of several files in one batch of a GPU puts them together between `read` and `reconstruct`.
    """

    @abstractmethod
    def read(self, path: Path) -> Given:
        """The file, ready for work, on the CPU; raises InputError."""

    @abstractmethod
    def reconstruct(self, given: Given) -> Made:
        """The result, on the CPU; raises InputError."""

    @abstractmethod
    def write(self, given: Given, made: Made, out: Path) -> Written:
        """Write `out`, whole or not at all; raises InputError."""


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
