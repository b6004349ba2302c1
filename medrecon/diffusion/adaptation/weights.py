"""All weights adapt, one slice at a time: the reference, as AdaDiff does it."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from medrecon.diffusion.adaptation.adapter import Adapter


@final
class Weights(Adapter):
    """Every parameter, as one vector: an optimiser then is a handful of operations, however many layers there are.

    Kernels lie in it with channels last, so that convolutions find them in the layout that they compute in.
    """

    shared = False

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.shapes = {name: weight.shape for name, weight in network.named_parameters()}
        self.size = sum(shape.numel() for shape in self.shapes.values())

    def start(self, n: int) -> Tensor:
        if n != 1:
            raise ValueError(f"all weights adapt to one slice at a time, got {n}")
        flat = [_channels_last(weight.detach()).flatten() for weight in self.network.parameters()]
        return torch.cat(flat)[None].float()

    def __call__(self, values: Tensor, *inputs: Tensor) -> Tensor:
        parts = values[0].split([shape.numel() for shape in self.shapes.values()])
        own = {name: _back(part, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
        return functional_call(self.network, own, inputs)


def _channels_last(weight: Tensor) -> Tensor:
    return weight.permute(0, 2, 3, 1) if weight.ndim == 4 else weight


def _back(part: Tensor, shape: torch.Size) -> Tensor:
    if len(shape) != 4:
        return part.view(shape)
    out, inner, y, x = shape
    return part.view(out, y, x, inner).permute(0, 3, 1, 2)
