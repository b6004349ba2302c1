"""Sizes of the generator: ours, and the published ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class GeneratorOptions:
    """Size of the generator, from the finest level to the coarsest.

    width, multipliers : channels of a level are their product.
    blocks : residual blocks of a level on the way down; on the way up there is one more.
    attention : levels with attention, counted from 0; the bottleneck has it in any case.
    channels : of an image; 2 for a complex one.
    embedding : sinusoids that tell the step; the layers behind them are four times as wide.
    latent, style, mapping : length of z, width of what the mapping network makes of it, and its layers.
    patch : pixels a side of the blocks that become channels before the first convolution; 1 in the papers.
    limit : bound of the output, limit * tanh(h / limit); 1 in the papers, which clip images at 1.
    """

    width: int = 96
    multipliers: tuple[int, ...] = (1, 1, 1, 1)
    blocks: tuple[int, ...] = (1, 2, 2, 1)
    attention: tuple[int, ...] = ()
    channels: int = 2
    embedding: int = 32
    latent: int = 100
    style: int = 128
    mapping: int = 4
    patch: int = 2
    limit: float = 3.0

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(self.width * m for m in self.multipliers)

    @property
    def packed(self) -> int:
        """Channels of an image once blocks of pixels are channels."""
        return self.channels * self.patch**2

    @property
    def multiple(self) -> int:
        """Image sides must be multiples of this."""
        return self.patch * 2 ** (len(self.multipliers) - 1)

    def as_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> GeneratorOptions:
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


PAPER_MULTI_COIL = GeneratorOptions(
    64, (1, 1, 1, 2, 2), (2, 2, 2, 2, 2), (4,), channels=2, embedding=64, style=256, patch=1, limit=1.0
)
"""AdaDiff's generator of complex images of 384 x 288: 12.85 M parameters."""
PAPER_SINGLE_COIL = GeneratorOptions(
    64, (1, 1, 2, 2, 4, 4), (2, 2, 2, 2, 2, 2), (4,), channels=1, embedding=64, style=256, patch=1, limit=1.0
)
"""AdaDiff's generator of magnitude images of 256 x 256: 39.7 M parameters."""
