"""Counter-based random numbers: each draw is a function of (seed, case, slice, sample, step, pixel) and nothing else.

Samples come in antithetic pairs (Hammersley and Morton 1956): sample 2 n + 1 is drawn from the negative of the numbers
of sample 2 n. It is as likely, and to first order the noise takes from it what it adds to the other, so that the mean
of a few samples is nearly that of many.

Threefry-2x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) with 13 rounds, the fewest that
passed their tests; the Box-Muller transform makes normals of its two words.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from copy import copy
from typing import final

import torch
from torch import Tensor

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA


def threefry2x32(key: tuple[Tensor, Tensor], counter: tuple[Tensor, Tensor], rounds: int = 20) -> tuple[Tensor, Tensor]:
    """Two pseudo-random 32-bit words for each key and counter, all as int32 tensors that broadcast.

    int32 addition wraps as unsigned addition does, so that the bits are those of the definition on every device.
    """
    schedule = (*key, key[0] ^ key[1] ^ PARITY)
    x, y = counter[0] + schedule[0], counter[1] + schedule[1]
    for i in range(rounds):
        x = x + y
        y = _rotate(y, ROTATIONS[i % 8]) ^ x
        if i % 4 == 3:
            n = i // 4 + 1
            x, y = x + schedule[n % 3], y + schedule[(n + 1) % 3] + n
    return x, y


def _rotate(x: Tensor, bits: int) -> Tensor:
    low = (1 << bits) - 1
    return (x << bits) | ((x >> (32 - bits)) & low)


@final
class Streams:
    """One stream of complex normals for each image of a batch, the same whatever else is in the batch.

    Parameters
    ----------
    seed, case : the user's seed and the name of the scan.
    slice_ids, samples : the slice and the sample number of every image of the batch.
    """

    def __init__(self, seed: int, case: str, slice_ids: Sequence[int], samples: Sequence[int]) -> None:
        keys = [_key(seed, case, i, k - k % 2) for i, k in zip(slice_ids, samples, strict=True)]
        self.keys = torch.tensor(keys, dtype=torch.int32).T[..., None]
        self.signs = torch.tensor([1.0 - 2 * (k % 2) for k in samples])[:, None]

    def to(self, device: torch.device | str) -> Streams:
        """The same streams, drawn on `device`."""
        moved = copy(self)
        moved.keys, moved.signs = self.keys.to(device), self.signs.to(device)
        return moved

    def normal(self, step: int | Tensor, shape: tuple[int, int]) -> Tensor:
        """`(batch, y, x)` complex64, unit variance per real component; `step` numbers the draws of a stream.

        In double until the last rounding, so that the last bit of a logarithm, which differs between devices and
        vector lengths, stays unseen.
        """
        first, second = self.keys
        position = torch.arange(math.prod(shape), dtype=torch.int32, device=self.keys.device)
        u, v = threefry2x32((first, second), (torch.zeros_like(position) + step, position), rounds=13)
        radius = (-2 * _uniform(u).log()).sqrt()
        normal = torch.polar(radius, 2 * math.pi * _uniform(v)).to(torch.complex64)
        return (self.signs * normal).unflatten(-1, shape)


def _key(seed: int, case: str, slice_id: int, sample: int) -> tuple[int, int]:
    """64 bits of BLAKE2b, as two signed words."""
    name = f"{seed}/{slice_id}/{sample}/{case}".encode()
    digest = hashlib.blake2b(name, digest_size=8).digest()
    return int.from_bytes(digest[:4], "little", signed=True), int.from_bytes(digest[4:], "little", signed=True)


def _uniform(word: Tensor) -> Tensor:
    """(n + 1/2) / 2^32 for the unsigned n, in float64: never 0 and never 1."""
    return (word.double() + (2**31 + 0.5)) / 2**32
