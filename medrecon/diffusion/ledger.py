"""`Ledger`: what a run truly cost, counted where it happens."""

from __future__ import annotations

import time
from dataclasses import dataclass

from torch import Tensor

from medrecon.diffusion.heads import Denoiser


@dataclass
class Ledger:
    """Network calls counted by image, and seconds inside `with ledger:`.

    Seconds are those of the host: on CUDA synchronise before leaving the block.
    """

    calls: int = 0
    seconds: float = 0.0
    _entered: float = 0.0

    def count(self, denoise: Denoiser) -> Denoiser:
        """The same denoiser; a call on a batch of B images counts B."""

        def counted(x: Tensor, t: Tensor) -> Tensor:
            self.calls += len(x)
            return denoise(x, t)

        return counted

    def __enter__(self) -> Ledger:
        self._entered = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._entered
