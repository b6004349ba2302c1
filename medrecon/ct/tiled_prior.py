"""A CT network with its space, run on tiles where slices are large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import Tensor

from medrecon.ct.reach import decoder_reach, encoder_reach, network_reach
from medrecon.ct.tiles import tiled
from medrecon.networks.ct.load import CtPrior


@final
@dataclass(frozen=True, eq=False)
class TiledPrior:
    """`prior` on tiles of `tile` pixels a side; None for whole slices."""

    prior: CtPrior
    tile: int | None = None

    def encode(self, u: Tensor) -> Tensor:
        """States of images `(n, 1, y, x)` in network units."""
        codec, factor = self.prior.codec, self.prior.space.factor
        reach = 0 if codec is None else encoder_reach(codec.options)
        return tiled(self.prior.encode, (u,), self.tile, reach, factor)

    def decode(self, state: Tensor) -> Tensor:
        """Images of states."""
        codec = self.prior.codec
        reach = 0 if codec is None else decoder_reach(codec.options)
        return tiled(self.prior.decode, (state,), self._tile_of_state, reach, 1)

    def run(self, network: Callable[..., Tensor], *states: Tensor) -> Tensor:
        """`network(*states)`, a call of the prior's network with all else that it takes filled in."""
        reach = network_reach(self.prior.network)
        return tiled(network, states, self._tile_of_state, reach, self.prior.multiple // self.prior.space.factor)

    @property
    def _tile_of_state(self) -> int | None:
        return None if self.tile is None else self.tile // self.prior.space.factor
