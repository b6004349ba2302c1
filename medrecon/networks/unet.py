"""The U-Net of the image prior: wide channels behind a space-to-depth stem, built for tensor cores.

Convolutions run on channels-last tensors; the norm acts on the channels of one pixel, so an answer depends neither on
the matrix nor on how much empty background surrounds the head, and fuses with what follows. Skips are sums.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class UNetOptions:
    """Widths and block counts from the finest level (half the image's resolution) to the coarsest.

    `context` channels are seen beside the image, `conditions` are numbers an image beside its noise label.
    """

    widths: tuple[int, ...] = (128, 192, 256, 192)
    encoder_blocks: tuple[int, ...] = (2, 2, 2, 1)
    decoder_blocks: tuple[int, ...] = (3, 2, 2, 1)
    embedding: int = 128
    channels: int = 2
    context: int = 0
    conditions: int = 0

    @property
    def multiple(self) -> int:
        """Image sides must be multiples of this."""
        return 2 ** len(self.widths)

    def as_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> UNetOptions:
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


@final
class UNet(nn.Module):
    """`(batch, 2, y, x)` real channels, context behind them, and `(batch,)` noise labels to `(batch, 2, y, x)`.

    With conditions also `(batch, conditions)` numbers of about unit size.
    """

    def __init__(self, options: UNetOptions) -> None:
        super().__init__()
        self.options = options
        widths, packed = options.widths, 4 * options.channels
        self.embed = NoiseEmbedding(options.embedding, options.conditions)
        self.stem = nn.Conv2d(packed + 4 * options.context, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(
            _stage(w, n, options.embedding) for w, n in zip(widths, options.encoder_blocks, strict=True)
        )
        self.decoder = nn.ModuleList(
            _stage(w, n, options.embedding) for w, n in zip(widths, options.decoder_blocks, strict=True)
        )
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(4 * fine, coarse, 1) for fine, coarse in steps)
        self.up = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in steps)
        self.head = nn.Conv2d(widths[0], packed, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, label: Tensor, condition: Tensor | None = None) -> Tensor:
        emb = self.embed(label, condition)
        h = self.stem(F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))
        skips = []
        for i, stage in enumerate(self.encoder):
            if i:
                h = self.down[i - 1](F.pixel_unshuffle(h, 2))
            for block in stage:  # type: ignore[union-attr]
                h = block(h, emb)
            skips.append(h)
        for i in reversed(range(len(skips))):
            if i < len(skips) - 1:
                h = F.pixel_shuffle(self.up[i](h), 2) + skips[i]
            for block in self.decoder[i]:  # type: ignore[union-attr]
                h = block(h, emb)
        return F.pixel_shuffle(self.head(F.silu(pixel_norm(h))), 2)


@final
class Block(nn.Module):
    """Pre-activation residual block, scaled and shifted by the noise level; starts as the identity."""

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        scale, shift = self.modulation(emb)[:, :, None, None].chunk(2, dim=1)
        h = self.first(F.silu(pixel_norm(x)))
        return x + self.second(F.silu(torch.addcmul(shift, pixel_norm(h), 1 + scale)))


@final
class NoiseEmbedding(nn.Module):
    """Sinusoids of the noise label, and conditions as they are, then a small perceptron."""

    def __init__(self, size: int, conditions: int = 0) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(size, size), nn.Linear(size, size)
        self.condition = nn.Linear(conditions, size) if conditions else None

    def forward(self, label: Tensor, condition: Tensor | None = None) -> Tensor:
        octaves = torch.linspace(-2, 3, self.first.in_features // 2, device=label.device)
        phase = label[:, None].float() * (math.pi * octaves.exp2())
        waves = torch.cat([phase.cos(), phase.sin()], dim=1).to(self.first.weight.dtype)
        hidden = self.first(waves)
        if self.condition is not None:
            assert condition is not None, "this network is conditioned"
            hidden = hidden + self.condition(condition.to(hidden.dtype))
        return F.silu(self.second(F.silu(hidden)))


def pixel_norm(x: Tensor) -> Tensor:
    """Zero mean and unit variance over the channels of every pixel."""
    return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2)


def _stage(width: int, blocks: int, embedding: int) -> nn.ModuleList:
    return nn.ModuleList(Block(width, embedding) for _ in range(blocks))
