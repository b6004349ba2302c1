"""Text of a file of results, compressed where its name ends in .xz or .gz: rows are alike, and shrink to a seventh."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Packing:
    """How bytes are made small, the same bytes every time, and large again."""

    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


PACKINGS: Mapping[str, Packing] = {
    ".xz": Packing(lzma.compress, lzma.decompress),
    ".gz": Packing(lambda held: gzip.compress(held, 9, mtime=0), gzip.decompress),
}
PLAIN = Packing(bytes, bytes)
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError)


def read_text(path: Path) -> str:
    """Raises ValueError for what is no text, or not compressed as its name says."""
    held = path.read_bytes()
    try:
        return _packing(path).unpack(held).decode("utf-8")
    except DAMAGED as error:
        raise ValueError(f"{path} is no whole {path.suffix} file") from error


def encoded(text: str, path: Path) -> bytes:
    """What goes into a file of that name; the same text gives the same bytes."""
    return _packing(path).pack(text.encode("utf-8"))


def stored(path: Path) -> Path:
    """`path`, or the compressed file beside it where that is the one there is."""
    compressed = (path.with_name(path.name + ending) for ending in PACKINGS)
    return path if path.exists() else next((other for other in compressed if other.exists()), path)


def _packing(path: Path) -> Packing:
    return PACKINGS.get(path.suffix, PLAIN)
