"""`FileWork`: work that makes one file, or folder, of another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from medrecon.batch.plan import FileItem
from medrecon.batch.results import settle, size
from medrecon.batch.work import Given, Made, Steps, Work, Written


class FileSteps(Steps[FileItem, Given, Made]):
    """Files on one device: read, reconstructed and written."""

    @abstractmethod
    def read(self, path: Path) -> Given:
        """The file, ready for work, on the CPU; raises InputError."""

    @abstractmethod
    def write(self, given: Given, made: Made, out: Path) -> Written:
        """Judge the result and write `out`, whole or not at all; raises InputError."""

    def begin(self, item: FileItem) -> Given:
        return self.read(item.path)

    def end(self, item: FileItem, given: Given, made: Made) -> Written:
        item.out.parent.mkdir(parents=True, exist_ok=True)
        said = self.write(given, made, item.out)
        settle(item.out)
        return replace(said, bytes=size(item.out))


class FileWork(Work):
    """A command that takes a file, with its options."""

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
    def on(self, device: torch.device) -> FileSteps[Any, Any]:
        """Load what every file needs; raises InputError."""
