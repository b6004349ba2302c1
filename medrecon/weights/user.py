"""The user's own folder of weights: its networks win by name over the shipped ones, and are verified as they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

from medrecon.errors import InputError

HOME = "MEDRECON_HOME"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def user_folder() -> Path:
    """Where the user's weights and their registry lie; it need not exist.

    `$MEDRECON_HOME/weights`; unless set, `medrecon/weights` in `$XDG_DATA_HOME` or in `~/.local/share`.
    """
    if home := os.environ.get(HOME):
        return Path(home).expanduser() / "weights"
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "medrecon" / "weights"


def checked_name(name: str) -> str:
    """`name`, if it can name a network and a file; raises InputError otherwise."""
    if not NAME.fullmatch(name) or name.endswith(".safetensors"):
        raise InputError(f"'{name}' cannot name weights; use letters, digits, - and _, without an ending")
    return name
