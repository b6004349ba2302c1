"""Why an item failed, in one line that names nobody."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch

from medrecon.batch.item import Item
from medrecon.errors import InputError, system_words


def reason(error: Exception, item: Item) -> str:
    """The message of an InputError, as its item shows it; of others, which may quote headers, kind and place alone."""
    if isinstance(error, InputError):
        return item.discreet(str(error))
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "memory ran out; give fewer --workers, or a machine with more memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{system_words(error)}; check the disk and its permissions"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; {item.advice}"
