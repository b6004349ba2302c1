"""The plan: every file of a folder in one order, the same for every shard, worker and day; shards are dealt from it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from medrecon.batch.discreet import hidden
from medrecon.batch.item import Item
from medrecon.batch.leavings import clear
from medrecon.errors import InputError


@final
@dataclass(frozen=True)
class FileItem(Item):
    """A file, or the folder of a DICOM series.

    name : where it lies in the folder of inputs; names nobody, is what manifest and log call it.
    path, out : the input, and where its result goes.
    slices : how many it holds, None where its header does not tell.
    private : words that name the patient, which no message may repeat.
    """

    name: str
    path: Path = field(repr=False)
    out: Path
    slices: int | None = None
    private: tuple[str, ...] = field(default=(), repr=False)

    def clear(self) -> None:
        clear([self.out])

    def discreet(self, said: str) -> str:
        """`said` without paths and without the patient."""
        here = self.path if self.path.is_dir() else self.path.parent
        plain = said.replace(str(self.path), self.name).replace(f"{here}{os.sep}", "")
        return hidden(plain.removeprefix(f"{self.name}: "), self.private)

    @property
    def advice(self) -> str:
        return "the command for one file tells more"


@final
@dataclass(frozen=True)
class Shard:
    """The `index`-th of `count` disjoint parts of a plan, counted from 0; items are dealt out in turn."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise InputError(
                f"--shard is {self.index}/{self.count}; give i/n with i from 0 to n - 1, for example 0/8 to 7/8"
            )

    @staticmethod
    def of(text: str | None) -> Shard:
        """The shard that `i/n` names; everything for None. Raises InputError."""
        if text is None:
            return Shard()
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found:
            raise InputError(f"--shard is '{text}'; give i/n with i from 0 to n - 1, for example 0/8 to 7/8")
        return Shard(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@final
@dataclass(frozen=True)
class Plan:
    """Items in the order of their names; raises InputError where two of them have one output."""

    items: Sequence[FileItem]

    def __post_init__(self) -> None:
        taken: dict[Path, FileItem] = {}
        for item in self.items:
            other = taken.setdefault(item.out, item)
            if other is not item:
                raise InputError(
                    f"{other.name} and {item.name} would both be written as {item.out.name}; rename one of them, or "
                    "choose with --pattern"
                )

    def part(self, shard: Shard) -> list[FileItem]:
        """The items of one shard."""
        return list(self.items[shard.index :: shard.count])

    @property
    def digest(self) -> str:
        """Tells two plans apart, of which shards would be dealt differently."""
        text = json.dumps([[item.name, item.slices] for item in self.items])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
