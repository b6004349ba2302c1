"""`manifest.jsonl`: one line of what is worked on and how, then one line for every file that is done or has failed.

A line is on disk before the next is begun. Of a killed run the last line may be torn: it is cut off, and its file is
done again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, final

from medrecon.batch.locks import lock
from medrecon.batch.plan import Shard
from medrecon.errors import InputError

FILE = re.compile(r"manifest(?:-(\d+)of(\d+))?\.jsonl")


@final
@dataclass(frozen=True)
class Entry:
    """What became of one file.

    file, out : names within the folders of inputs and of results.
    status : of a file that failed, the reason says why.
    slices, bytes, seconds, warnings : of one that is done; bytes of all its files.
    """

    file: str
    out: str
    status: Literal["done", "failed"]
    slices: int = 0
    bytes: int = 0
    seconds: float = 0.0
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Head:
    """The first line: what decides the numbers, and how the plan was dealt."""

    medrecon: str
    command: str
    options: Mapping[str, Any]
    weights: Mapping[str, Any] | None
    shard: str
    files: int
    plan: str


def manifest_name(shard: Shard) -> str:
    """A file for each shard, so that several machines can write at a time."""
    return "manifest.jsonl" if shard.count == 1 else f"manifest-{shard.index}of{shard.count}.jsonl"


def shard_of(name: str) -> Shard | None:
    """The shard whose manifest is called so, None for any other file."""
    found = FILE.fullmatch(name)
    if found is None:
        return None
    return Shard() if found[1] is None else Shard(int(found[1]), int(found[2]))


def read_manifest(path: Path) -> tuple[dict[str, Any] | None, dict[str, Entry], int]:
    """(first line, the last entry of each file, bytes of whole lines); the first line is None where it is torn.

    Raises InputError for a line that is broken and not the last.
    """
    data = path.read_bytes()
    lines = data.split(b"\n")
    head: dict[str, Any] | None = None
    entries: dict[str, Entry] = {}
    whole = 0
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is torn, or nothing
        try:
            found = json.loads(line)
            if number == 1:
                head = {**Head(**found).__dict__}
            else:
                entry = Entry(**{**found, "warnings": tuple(found.get("warnings", ()))})
                entries[entry.file] = entry
        except (ValueError, TypeError):
            if number == len(lines) - 1:
                break
            raise InputError(
                f"{path}: line {number} is broken; take that line out, and its file will be done again"
            ) from None
        whole += len(line) + 1
    return head, entries, whole


class Manifest:
    """A manifest that is written to, and locked for as long as a process of the run lives."""

    def __init__(self, path: Path, head: Head) -> None:
        """Go on with the file `path`, or begin it with `head`; raises InputError while another run writes to it."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            lock(self._file, path)
            found, self.entries, whole = read_manifest(path)
            os.ftruncate(self._file, whole)
            if found is None:
                self._write(asdict(head))
                _settle(path.parent)
        except BaseException:
            self.close()
            raise

    def append(self, entry: Entry) -> None:
        """Add a line, whole or not at all, and have it on disk; raises OSError."""
        self._write(asdict(entry))
        self.entries[entry.file] = entry

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _write(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(f"{self.path} could not be written whole")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise


def _settle(folder: Path) -> None:
    """Have the name of a new file on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
