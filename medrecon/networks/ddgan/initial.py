"""First weights from a seed alone."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def draw_weights(network: nn.Module, seed: int) -> None:
    """Uniform weights of variance 1 / ((inputs + outputs) / 2), biases of zero (as NCSN++, Song et al. 2021)."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            area = module.weight[0, 0].numel()
            inputs, outputs = module.weight.shape[1] * area, module.weight.shape[0] * area
            bound = (6 / (inputs + outputs)) ** 0.5
            drawn = torch.empty(module.weight.shape).uniform_(-bound, bound, generator=generator)
            module.weight.copy_(drawn)
            if module.bias is not None:
                module.bias.zero_()
