"""Trained networks: registries, files, and the check of every byte at every load.

Shipped weights lie beside this file, the user's in `user_folder()`. Loading reaches for no network and opens no pickle;
`weights get` and `weights add` do, when they are called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medrecon.weights.files import save
    from medrecon.weights.registry import Record, check, find, known, load, record, records, register
    from medrecon.weights.user import user_folder

_HOME = {
    "save": "files",
    "Record": "registry",
    "check": "registry",
    "find": "registry",
    "known": "registry",
    "load": "registry",
    "record": "registry",
    "records": "registry",
    "register": "registry",
    "user_folder": "user",
}


def __getattr__(name: str) -> Any:
    """Import on first use: a list of names must not cost an import of torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


__all__ = ["Record", "check", "find", "known", "load", "record", "records", "register", "save", "user_folder"]
