"""Files of results as the programs here read and write them: compressed where the name ends in .json.xz."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medrecon.atomic import whole_file
from medrecon.bench.text import encoded, read_text, stored


def read_json(path: Path) -> dict[str, Any]:
    """What `path` holds, or the compressed file beside it."""
    return json.loads(read_text(stored(path)))


def rows_so_far(path: Path) -> list[dict[str, Any]]:
    """Of an earlier call; none where there is no file yet."""
    return read_json(path)["rows"] if stored(path).exists() else []


def write_json(record: Mapping[str, Any], path: Path) -> None:
    """Whole or not at all; NaN and infinity are refused as ValueError."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with whole_file(path) as temporary:
        temporary.write_bytes(encoded(text, path))
