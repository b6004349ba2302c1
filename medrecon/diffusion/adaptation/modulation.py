"""Scales and shifts of the norms alone adapt: a few thousand numbers a slice, all weights shared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from medrecon.diffusion.adaptation.adapter import Adapter, changed


@final
class Modulation(Adapter):
    """Offsets on what the linear `layers` give `(n, m)`, which scale and shift features (specification A.13).

    One forward pass of a batch holds an offset an image, so that no `vmap` is needed and convolutions stay whole.
    """

    def __init__(self, network: nn.Module, layers: Sequence[nn.Linear]) -> None:
        self.network, self.layers = network, tuple(layers)
        self.widths = [layer.out_features for layer in self.layers]
        self.size = sum(self.widths)

    def start(self, n: int) -> Tensor:
        return torch.zeros(n, self.size, device=self.layers[0].weight.device)

    def __call__(self, values: Tensor, *inputs: Tensor) -> Tensor:
        changes = [partial(_shifted, offset) for offset in values.split(self.widths, 1)]
        with changed(self.layers, changes):
            return self.network(*inputs)


def _shifted(offset: Tensor, _: Tensor, output: Tensor) -> Tensor:
    return output + offset
