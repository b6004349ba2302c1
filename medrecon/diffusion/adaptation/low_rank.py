"""A path of low rank beside every convolution adapts: more freedom than scales and shifts, weights still shared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from medrecon.diffusion.adaptation.adapter import Adapter, changed


@final
class LowRank(Adapter):
    """conv(h) + B A h with A `(rank, in)` and B `(out, rank)` of each slice's own (after LoRA, Hu et al. 2022).

    It acts on single pixels, the convolution's centre tap: batched matrix products on channels-last features, where
    convolutions with a kernel a slice would be grouped and slow. A starts random, the same for all slices, B at zero.

    `layers` keep the image's size (stride 1). `rest` adapts beside, in front of these values.
    """

    def __init__(self, layers: Sequence[nn.Conv2d], rank: int, rest: Adapter) -> None:
        self.layers, self.rank, self.rest = tuple(layers), rank, rest
        self.widths = [rank * (layer.in_channels + layer.out_channels) for layer in self.layers]
        self.size = rest.size + sum(self.widths)

    def start(self, n: int) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        parts = []
        for layer in self.layers:
            down = torch.randn(self.rank * layer.in_channels, generator=generator) / layer.in_channels**0.5
            parts += [down, torch.zeros(self.rank * layer.out_channels)]
        own = torch.cat(parts).to(self.layers[0].weight.device)
        return torch.cat([self.rest.start(n), own.expand(n, -1)], 1)

    def __call__(self, values: Tensor, *inputs: Tensor) -> Tensor:
        first, own = values.split([self.rest.size, self.size - self.rest.size], 1)
        changes = [partial(_beside, self.rank, part) for part in own.split(self.widths, 1)]
        with changed(self.layers, changes):
            return self.rest(first, *inputs)


def _beside(rank: int, values: Tensor, x: Tensor, output: Tensor) -> Tensor:
    """`output` and the low-rank path from `x`, both `(n, c, y, x)`."""
    values = values.to(output.dtype)
    down = values[:, : rank * x.shape[1]].unflatten(1, (x.shape[1], rank))
    up = values[:, rank * x.shape[1] :].unflatten(1, (rank, -1))
    pixels = x.to(output.dtype).permute(0, 2, 3, 1).flatten(1, 2)
    added = (pixels @ down @ up).unflatten(1, tuple(output.shape[2:])).permute(0, 3, 1, 2)
    return output + added
