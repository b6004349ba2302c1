"""The U-Net that the prior's network is measured against: at full resolution, as most diffusion models have it.

ADM's layout (Dhariwal and Nichol 2021) without attention: group norm, SiLU, two 3x3 convolutions a residual block,
skips that are concatenated, strided convolutions down and nearest neighbours up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medrecon.networks.unet import NoiseEmbedding

GROUPS = 16


@dataclass(frozen=True)
class PlainOptions:
    """Channels from full resolution down, and residual blocks a level of the encoder; the decoder has one more."""

    widths: tuple[int, ...] = (64, 128, 128, 256, 256)
    blocks: int = 2
    embedding: int = 256

    @property
    def multiple(self) -> int:
        return 2 ** (len(self.widths) - 1)


@final
class PlainUNet(nn.Module):
    """`(batch, 2, y, x)` and `(batch,)` noise labels to `(batch, 2, y, x)`, as `medrecon.networks.unet.UNet`."""

    def __init__(self, options: PlainOptions) -> None:
        super().__init__()
        widths, size = options.widths, options.embedding
        self.embed = NoiseEmbedding(size)
        self.stem = nn.Conv2d(2, widths[0], 3, padding=1)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        channels, skips = widths[0], [widths[0]]
        for level, width in enumerate(widths):
            if level:
                self.encoder.append(nn.Conv2d(channels, channels, 3, stride=2, padding=1))
                skips.append(channels)
            for _ in range(options.blocks):
                self.encoder.append(PlainBlock(channels, width, size))
                channels = width
                skips.append(channels)
        self.middle = nn.ModuleList(PlainBlock(channels, channels, size) for _ in range(2))
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(options.blocks + 1):
                self.decoder.append(PlainBlock(channels + skips.pop(), width, size))
                channels = width
            if level:
                self.decoder.append(Up(channels))
        self.norm, self.head = nn.GroupNorm(GROUPS, channels), nn.Conv2d(channels, 2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        emb = self.embed(label)
        h = self.stem(x.contiguous(memory_format=torch.channels_last))
        skips = [h]
        for part in self.encoder:
            h = part(h, emb) if isinstance(part, PlainBlock) else part(h)
            skips.append(h)
        for block in self.middle:
            h = block(h, emb)
        for part in self.decoder:
            h = part(torch.cat([h, skips.pop()], 1), emb) if isinstance(part, PlainBlock) else part(h)
        return self.head(F.silu(self.norm(h)))


@final
class PlainBlock(nn.Module):
    """Residual block, scaled and shifted by the noise level; its second convolution starts at zero."""

    def __init__(self, channels: int, width: int, embedding: int) -> None:
        super().__init__()
        self.before, self.after = nn.GroupNorm(GROUPS, channels), nn.GroupNorm(GROUPS, width)
        self.first, self.second = (nn.Conv2d(n, width, 3, padding=1) for n in (channels, width))
        self.modulation = nn.Linear(embedding, 2 * width)
        self.skip = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        scale, shift = self.modulation(emb)[:, :, None, None].chunk(2, dim=1)
        h = self.after(self.first(F.silu(self.before(x))))
        return self.skip(x) + self.second(F.silu(h * (1 + scale) + shift))


@final
class Up(nn.Module):
    """Twice as large by nearest neighbours, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.smooth(F.interpolate(x, scale_factor=2.0, mode="nearest"))
