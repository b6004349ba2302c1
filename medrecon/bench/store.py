"""A file of rows that is whole at every moment: each new row is on disk before the next unit of work begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from medrecon.atomic import whole_file
from medrecon.bench.columns import packed, unpacked
from medrecon.bench.identity import Row, distinct, identity
from medrecon.bench.text import encoded, read_text
from medrecon.errors import InputError

HEAD = ("suite", "commit", "code", "device", "snr", "coils", "workers")


class Store:
    """Rows by identity, in the file `path`, which is read if it exists and appears with the first row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = {identity(row): row for row in (read_rows(path) if path.exists() else [])}
        self._lines = {key: _line(row) for key, row in self._rows.items()}

    @property
    def rows(self) -> list[Row]:
        return list(self._rows.values())

    def holds(self, key: str) -> bool:
        """Whether there is a row of this identity."""
        return key in self._rows

    def add(self, row: Row) -> None:
        """Keep the row and write the file anew, whole or not at all."""
        key = identity(row)
        self._rows[key], self._lines[key] = row, _line(row)
        _write(self.path, self.rows, self._lines.values())

    def drop(self, rows: Iterable[Row]) -> None:
        """Forget rows; the file follows with the next one that is added."""
        for row in rows:
            key = identity(row)
            self._rows.pop(key, None)
            self._lines.pop(key, None)


def read_rows(path: Path) -> list[Row]:
    """Rows of a campaign's file; raises InputError for any other file."""
    try:
        rows = json.loads(read_text(path))["rows"]
        if all(isinstance(row, dict) and {"suite", "code", "scan", "method"} <= set(row) for row in rows):
            return list(map(unpacked, rows))
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path} holds no rows of medrecon bench; give another name with -o, or move that file away")


def join(paths: Sequence[Path], out: Path) -> tuple[int, list[Row]]:
    """Write the rows of several files as one; (how many there are, repeated rows that were left out).

    Of rows with one identity the first is kept. Raises InputError for files that hold none.
    """
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: no such file; give files that medrecon bench mri has written")
    rows, repeated = distinct(row for path in paths for row in read_rows(path))
    _write(out, rows, map(_line, rows))
    return len(rows), repeated


def head(rows: Sequence[Row]) -> dict[str, Any]:
    """What all rows have in common, for the captions of tables; where they differ, every value that occurs."""
    keys = dict.fromkeys(key for row in rows for key in row["versions"])
    versions = {key: _common([row["versions"].get(key) for row in rows]) for key in keys}
    return {**{key: _common([row.get(key) for row in rows]) for key in HEAD}, "versions": versions}


def _common(values: Sequence[Any]) -> Any:
    plain = (int(v) if isinstance(v, float) and v.is_integer() else v for v in values if v is not None)
    found = dict.fromkeys(plain)
    return ", ".join(map(str, found)) if len(found) > 1 else next(iter(found), None)


def _line(row: Row) -> str:
    return json.dumps(packed(row), allow_nan=False, separators=(",", ":"))


def _write(path: Path, rows: Sequence[Row], lines: Iterable[str]) -> None:
    """One row a line, so that a change of one is a change of one line."""
    text = json.dumps({**head(rows), "rows": []}, indent=2)
    body = ",\n".join(lines)
    with whole_file(path) as temporary:
        temporary.write_bytes(encoded(text.removesuffix("[]\n}") + "[\n" + body + "\n]}\n", path))
