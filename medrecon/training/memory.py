"""Too little memory is bad input: one line that says what was asked for and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from medrecon.errors import InputError

REFUSED = ("can't allocate memory", "not enough memory", "cannot allocate memory")
"""What torch's allocator says on the CPU, where it has no exception of its own."""


@contextmanager
def memory_explained(batch: int, size: int, device: torch.device) -> Iterator[None]:
    """Turn an allocator's refusal inside the block into an InputError that names the batch."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _explained(batch, size, device) from error
    except RuntimeError as error:
        if not any(words in str(error).lower() for words in REFUSED):
            raise
        raise _explained(batch, size, device) from error


def _explained(batch: int, size: int, device: torch.device) -> InputError:
    fewer = f"a batch of {batch // 2}" if batch > 1 else "smaller images"
    return InputError(
        f"out of memory on {device} with a batch of {batch} images of {size} x {size}; try {fewer}, the small network, "
        "or a device with more memory"
    )
