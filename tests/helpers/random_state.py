"""Global random state must survive every call of the core."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def random_state_untouched() -> Iterator[None]:
    """Fails if the block draws from or seeds the global generators of numpy or torch."""
    numpy_before, torch_before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - only compared
    yield
    numpy_after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(numpy_before[1], numpy_after[1])
    assert numpy_before[2:] == numpy_after[2:]
    assert torch.equal(torch_before, torch.get_rng_state())
