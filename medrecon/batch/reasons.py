"""Why an item failed, in one line that names nobody."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import torch

from medrecon.batch.discreet import hidden
from medrecon.batch.plan import Item
from medrecon.errors import InputError, system_words


def reason(error: Exception, item: Item) -> str:
    """The message of an InputError without paths; of other errors, which may quote headers, kind and place alone."""
    if isinstance(error, InputError):
        here = item.path if item.path.is_dir() else item.path.parent
        said = str(error).replace(str(item.path), item.name).replace(f"{here}{os.sep}", "")
        return hidden(said.removeprefix(f"{item.name}: "), item.private)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "memory ran out; give fewer --workers, or a machine with more memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{system_words(error)}; check the disk and its permissions"
    place = traceback.extract_tb(error.__traceback__)[-1]
    command = "the command for one file tells more"
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; {command}"
