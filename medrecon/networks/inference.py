"""The U-Net as inference runs it: the same function in fewer passes over memory, from the same weights.

Bias, residual, norm, modulation and SiLU between two convolutions are one pass (`fused`); space-to-depth with a 1x1
convolution is a 2x2 convolution with stride 2, and its inverse a transposed one; the modulations of all blocks are one
product. Training and `torch.compile` keep the plain `UNet`, whose pieces a compiler fuses by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medrecon.networks.fused import add_norm_silu, norm_modulate_silu, norm_silu
from medrecon.networks.unet import Block, UNet


@final
class InferenceUNet(nn.Module):
    """Computes `unet(x, label, condition)`; `unet` is on its device and in its number format already."""

    def __init__(self, unet: UNet) -> None:
        super().__init__()
        self.unet, self.options = unet, unet.options
        blocks = [cast(Block, b) for stage in (*unet.encoder, *reversed(list(unet.decoder))) for b in stage]  # type: ignore[attr-defined]
        self.widths = [2 * b.second.out_channels for b in blocks]
        self.register_buffer("modulation", torch.cat([b.modulation.weight for b in blocks]), persistent=False)
        self.register_buffer("modulation_bias", torch.cat([b.modulation.bias for b in blocks]), persistent=False)
        for i, down in enumerate(unet.down):
            self.register_buffer(f"down{i}", _strided(cast(nn.Conv2d, down).weight), persistent=False)

    def forward(self, x: Tensor, label: Tensor, condition: Tensor | None = None) -> Tensor:
        unet = self.unet
        emb = unet.embed(label, condition)
        modulations = iter(F.linear(emb, self.modulation, self.modulation_bias).split(self.widths, dim=1))  # type: ignore[arg-type]
        h = unet.stem(F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))
        skips = []
        for i, stage in enumerate(unet.encoder):
            if i:
                down = cast(nn.Conv2d, unet.down[i - 1])
                h = F.conv2d(h, getattr(self, f"down{i - 1}"), down.bias, stride=2)
            h = _run(stage, h, modulations)  # type: ignore[arg-type]
            skips.append(h)
        for i in reversed(range(len(skips))):
            if i < len(skips) - 1:
                h = _shuffled_sum(unet.up[i](h), skips[i])
            h = _run(unet.decoder[i], h, modulations)  # type: ignore[arg-type]
        return F.pixel_shuffle(unet.head(norm_silu(h)), 2)


def _run(stage: nn.ModuleList, x: Tensor, modulations: Iterator[Tensor]) -> Tensor:
    """Blocks one after the other; what a block adds stays pending until the next one's norm reads it."""
    active = norm_silu(x)
    for n, block in enumerate(cast("list[Block]", list(stage))):
        scale, shift = next(modulations).chunk(2, dim=1)
        h = norm_modulate_silu(_without_bias(block.first, active), _bias(block.first), scale, shift)
        if n == len(stage) - 1:
            return x + block.second(h)
        x, active = add_norm_silu(x, _without_bias(block.second, h), _bias(block.second))
    return x


def _without_bias(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(x, conv.weight, None, padding=1)


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _strided(weight: Tensor) -> Tensor:
    """A 1x1 convolution behind `pixel_unshuffle(…, 2)` as one of 2x2 with stride 2."""
    return weight.flatten(1).unflatten(1, (-1, 2, 2)).contiguous(memory_format=torch.channels_last)


def _shuffled_sum(x: Tensor, skip: Tensor) -> Tensor:
    """`pixel_shuffle(x, 2) + skip` in one pass over channels-last tensors."""
    height, width = x.shape[2:]
    parts = x.permute(0, 2, 3, 1).unflatten(-1, (-1, 2, 2)).permute(0, 1, 4, 2, 5, 3)
    whole = skip.permute(0, 2, 3, 1).unflatten(2, (width, 2)).unflatten(1, (height, 2))
    return (whole + parts).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
