"""What killed workers leave of an output, and how it is taken away."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.(?P<name>.+)")
"""Names of `medrecon.atomic`."""


def clear(outs: Sequence[Path]) -> None:
    """Take away whatever there is of these outputs: temporaries, and results that no manifest knows of."""
    clear_strays(outs)
    for out in outs:
        remove(out)


def clear_strays(outs: Iterable[Path]) -> None:
    """Take away the temporaries that killed workers have left of these outputs, on which nobody may be at work."""
    for folder, names in _by_folder(outs).items():
        for path in folder.iterdir() if folder.is_dir() else ():
            found = TEMPORARY.fullmatch(path.name)
            if found and found["name"] in names:
                remove(path)


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _by_folder(outs: Iterable[Path]) -> dict[Path, set[str]]:
    names: dict[Path, set[str]] = {}
    for out in outs:
        names.setdefault(out.parent, set()).add(out.name)
    return names
