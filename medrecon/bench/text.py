"""Text of a file of results, compressed where its name ends in .gz: rows are alike, and shrink to a fifth."""

from __future__ import annotations

import gzip
from pathlib import Path

ENDING = ".gz"


def read_text(path: Path) -> str:
    """Raises ValueError for what is no text; BadGzipFile, EOFError or zlib.error for what is no gzip."""
    held = path.read_bytes()
    return (gzip.decompress(held) if path.suffix == ENDING else held).decode("utf-8")


def encoded(text: str, path: Path) -> bytes:
    """What goes into a file of that name; the same text gives the same bytes."""
    held = text.encode("utf-8")
    return gzip.compress(held, 9, mtime=0) if path.suffix == ENDING else held


def stored(path: Path) -> Path:
    """`path`, or the compressed file beside it where that is the one there is."""
    compressed = path.with_name(path.name + ENDING)
    return compressed if compressed.exists() and not path.exists() else path
