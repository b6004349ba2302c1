"""RED-CNN: residual encoder-decoder of five convolutions and five transposed ones (Chen et al. 2017), a control."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL = 5
LAYERS = 5
SMALLEST = LAYERS * (KERNEL - 1) + 1
"""Pixels a side of the smallest image: convolutions are not padded."""


@dataclass(frozen=True)
class RedCnnOptions:
    """The paper's width."""

    width: int = 96

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@final
class RedCnn(nn.Module):
    """Network units `(n, 1, y, x)` to `(n, 1, y, x)`; starts as the identity.

    As published but for the last ReLU, which serves images that are never negative. Half precision concerns the
    convolutions: the image itself is added in single precision.
    """

    def __init__(self, options: RedCnnOptions | None = None) -> None:
        super().__init__()
        self.options = options or RedCnnOptions()
        widths = [1, *[self.options.width] * LAYERS]
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(a, b, KERNEL) for a, b in pairs)
        # a transposed convolution of stride 1 is a convolution of the padded image
        self.up = nn.ModuleList(nn.Conv2d(b, a, KERNEL, padding=KERNEL - 1) for a, b in reversed(pairs))
        last = self.up[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, u: Tensor) -> Tensor:
        h = u.to(next(self.parameters()).dtype).contiguous(memory_format=torch.channels_last)
        after: list[Tensor] = []
        for layer in self.down:
            h = F.relu(layer(h))
            after.append(h)
        first, second, third, fourth, last = self.up
        h = F.relu(first(h) + after[3])
        h = F.relu(second(h))
        h = F.relu(third(h) + after[1])
        h = F.relu(fourth(h))
        return u + last(h).float()
