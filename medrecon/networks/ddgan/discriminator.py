"""The discriminator of a DDGAN: whether x_t-1 can be what lies a step before x_t (Xiao et al. 2022)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medrecon.networks.ddgan.initial import draw_weights
from medrecon.networks.ddgan.layers import HALF_POWER, StepEmbedding
from medrecon.networks.ddgan.resample import Resample

SLOPE = 0.2
"""Of leaky rectifiers."""


@dataclass(frozen=True)
class DiscriminatorOptions:
    """Size of the discriminator.

    widths : channels behind the stem, then of each block, which halves the resolution.
    channels : of one image. embedding : sinusoids that tell the step, and width of the layers behind them.
    group : images of a batch whose spread is told; a batch is a multiple of it, or smaller.
    patch : pixels a side of the blocks that become channels before the first convolution; 1 in the papers.
    """

    widths: tuple[int, ...] = (64, 128, 192, 256, 256, 256)
    channels: int = 2
    embedding: int = 128
    group: int = 4
    patch: int = 2

    @property
    def multiple(self) -> int:
        """Image sides must be multiples of this."""
        return self.patch * 2 ** (len(self.widths) - 1)

    def as_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


PAPER = DiscriminatorOptions((128, 256, 512, 512, 512, 512, 512), channels=1, embedding=256, patch=1)
"""AdaDiff's for magnitude images of 256 x 256: 27.7 M parameters."""


@final
class Discriminator(nn.Module):
    """`(n,)` logits of x_t-1 and x_t, both `(n, channels, y, x)`, and t `(n,)` in 1 … T; told as t - 1."""

    def __init__(self, options: DiscriminatorOptions) -> None:
        super().__init__()
        self.options = options
        first, last = options.widths[0], options.widths[-1]
        self.embed = StepEmbedding(options.embedding, options.embedding, nn.LeakyReLU(SLOPE))
        self.stem = nn.Conv2d(2 * options.channels * options.patch**2, first, 1)
        self.blocks = nn.ModuleList(DownBlock(a, b, options.embedding) for a, b in pairwise(options.widths))
        self.last = nn.Conv2d(last + 1, last, 3, padding=1)
        self.out = nn.Linear(last, 1)

    def forward(self, before: Tensor, after: Tensor, t: Tensor) -> Tensor:
        time = F.leaky_relu(self.embed(t - 1), SLOPE)
        shown = F.pixel_unshuffle(torch.cat([before, after], 1), self.options.patch)
        h = self.stem(shown.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            h = block(h, time)
        h = torch.cat([h, batch_spread(h, self.options.group)], 1)
        return self.out(F.leaky_relu(self.last(h), SLOPE).sum((2, 3)))[:, 0].float()


@final
class DownBlock(nn.Module):
    """Residual block that halves the resolution between its convolutions."""

    def __init__(self, inner: int, outer: int, embedding: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(n, outer, 3, padding=1) for n in (inner, outer))
        self.timing = nn.Linear(embedding, outer)
        self.skip = nn.Conv2d(inner, outer, 1, bias=False)
        self.halve = Resample(up=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.first(F.leaky_relu(x, SLOPE)) + self.timing(time)[:, :, None, None]
        h = self.second(self.halve(F.leaky_relu(h, SLOPE)))
        return (self.skip(self.halve(x)) + h) * HALF_POWER


def batch_spread(x: Tensor, group: int) -> Tensor:
    """`(n, 1, y, x)` standard deviation over groups of images of `x` `(n, c, y, x)`, mean over all but the group.

    Members of a group are as far apart in the batch as possible (Karras et al. 2018). Raises ValueError for a batch
    that no number of groups fills.
    """
    n, _, height, width = x.shape
    size = min(group, n)
    if n % size:
        raise ValueError(f"a batch of {n} images is no multiple of {size}")
    variance = x.float().unflatten(0, (size, -1)).var(0, correction=0)
    spread = (variance + 1e-8).sqrt().mean((1, 2, 3))
    return spread.repeat(size).to(x.dtype)[:, None, None, None].expand(n, 1, height, width)


def discriminator_from_seed(
    options: DiscriminatorOptions, seed: int, device: torch.device | str = "cpu"
) -> Discriminator:
    """An untrained discriminator, with weights drawn from the seed alone."""
    with torch.random.fork_rng(devices=[]):
        made = Discriminator(options)
    draw_weights(made, seed)
    with torch.no_grad():
        for block in made.blocks:
            block.second.weight.zero_()  # type: ignore[union-attr,operator]
    return made.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
