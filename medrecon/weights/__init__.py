"""Trained networks: registry, files, and the check of every byte at every load. No network, no pickle."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medrecon.weights.files import save
    from medrecon.weights.registry import Record, check, load, record, records, register

_HOME = {
    "save": "files",
    "Record": "registry",
    "check": "registry",
    "load": "registry",
    "record": "registry",
    "records": "registry",
    "register": "registry",
}


def __getattr__(name: str) -> Any:
    """Import on first use: a list of names must not cost an import of torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


__all__ = ["Record", "check", "load", "record", "records", "register", "save"]
