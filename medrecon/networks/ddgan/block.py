"""The generator's residual block, and the two ways through its levels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast, final

import torch
from torch import Tensor, nn

from medrecon.networks.ddgan.layers import HALF_POWER, Attention, Conv, half_power_sum
from medrecon.networks.ddgan.norm import adaptive_norm_silu, groups_of
from medrecon.networks.ddgan.options import GeneratorOptions
from medrecon.networks.ddgan.resample import Resample

Conditions = Iterator[tuple[Tensor, Tensor]]
"""What the latent and the step say to one block after the other."""


@final
class Block(nn.Module):
    """BigGAN's residual block: both norms are modulated by the latent, the step is added between.

    Its parts of `modulation` are scale and shift of the first norm, then of the second.
    """

    def __init__(self, inner: int, outer: int, resample: Literal["down", "up"] | None = None) -> None:
        super().__init__()
        for channels in (inner, outer):
            if channels % groups_of(channels):
                raise ValueError(f"{channels} channels make no {groups_of(channels)} groups; give multiples of 32")
        self.parts = [inner, inner, outer, outer]
        self.first, self.second = (Conv(n, outer, 3, padding=1) for n in (inner, outer))
        self.resample = Resample(resample == "up") if resample else nn.Identity()
        self.skip = Conv(inner, outer, 1) if resample or inner != outer else nn.Identity()

    @property
    def outer(self) -> int:
        """Channels that it gives."""
        return self.parts[-1]

    def forward(self, x: Tensor, modulation: Tensor, time: Tensor) -> Tensor:
        scale, shift, later_scale, later_shift = modulation.split(self.parts, dim=1)
        h = self.resample(adaptive_norm_silu(x, scale, shift))
        h = adaptive_norm_silu(self.first(h), later_scale, later_shift, time + self.first.offset)
        bias = self.second.offset + self.skip.offset if isinstance(self.skip, Conv) else self.second.offset
        return half_power_sum(self.skip(self.resample(x)), self.second(h), bias)


@final
class Encoder(nn.Module):
    """From the finest level to the coarsest; the image is shown again at each, smoothed and halved as the features."""

    def __init__(self, options: GeneratorOptions) -> None:
        super().__init__()
        self.stages, self.attention, self.down, self.shown = (nn.ModuleList() for _ in range(4))
        self.halve = Resample(up=False)
        self.widths = [options.widths[0]]
        inner, image = options.widths[0], options.packed
        for level, width in enumerate(options.widths):
            if level:
                self.down.append(Block(inner, inner, "down"))
                self.shown.append(nn.Conv2d(image, inner, 3, padding=1))
                self.widths.append(inner)
                image = inner
            count, attends = options.blocks[level], level in options.attention
            self.stages.append(nn.ModuleList(Block(inner if not i else width, width) for i in range(count)))
            self.attention.append(nn.ModuleList(Attention(width) for _ in range(count * attends)))
            self.widths += [width] * count
            inner = width

    def blocks(self) -> list[Block]:
        """In the order in which they run."""
        found: list[Block] = []
        for level, stage in enumerate(self.stages):
            found += [cast(Block, self.down[level - 1])] if level else []
            found += cast("list[Block]", list(stage))  # type: ignore[arg-type]
        return found

    def forward(self, h: Tensor, image: Tensor, conditions: Conditions) -> list[Tensor]:
        """What each block gives, the stem `h` first."""
        found = [h]
        for level, stage in enumerate(self.stages):
            if level:
                h = self.down[level - 1](h, *next(conditions))
                h = image = (self.shown[level - 1](self.halve(image)) + h) * HALF_POWER
                found.append(h)
            attention = cast(nn.ModuleList, self.attention[level])
            for i, block in enumerate(cast(nn.ModuleList, stage)):
                h = block(h, *next(conditions))
                h = attention[i](h) if len(attention) else h
                found.append(h)
        return found


@final
class Decoder(nn.Module):
    """From the coarsest level to the finest; each block sees one of what the encoder gave beside its input."""

    def __init__(self, options: GeneratorOptions, skips: list[int]) -> None:
        super().__init__()
        self.stages, self.attention, self.up = (nn.ModuleList() for _ in range(3))
        inner, left = options.widths[-1], list(skips)
        for level in reversed(range(len(options.widths))):
            width, stage = options.widths[level], nn.ModuleList()
            for _ in range(options.blocks[level] + 1):
                stage.append(Block(inner + left.pop(), width))
                inner = width
            self.stages.append(stage)
            self.attention.append(Attention(width) if level in options.attention else nn.Identity())
            if level:
                self.up.append(Block(width, width, "up"))

    def blocks(self) -> list[Block]:
        """In the order in which they run."""
        found: list[Block] = []
        for i, stage in enumerate(self.stages):
            found += cast("list[Block]", list(stage))  # type: ignore[arg-type]
            found += [cast(Block, self.up[i])] if i < len(self.up) else []
        return found

    def forward(self, h: Tensor, skips: list[Tensor], conditions: Conditions) -> Tensor:
        for i, stage in enumerate(self.stages):
            for block in cast(nn.ModuleList, stage):
                h = block(torch.cat([h, skips.pop()], 1), *next(conditions))
            h = self.attention[i](h)
            if i < len(self.up):
                h = self.up[i](h, *next(conditions))
        return h
