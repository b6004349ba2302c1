"""The generator of a DDGAN: the clean image from one that is large steps of noise away, and a latent.

NCSN++ with adaptive group norm (Song et al. 2021; Xiao et al. 2022; Guengoer et al. 2023), which says the image itself
and not its noise. Ours stands behind a space-to-depth stem, with wide channels on few pixels for tensor cores;
`options.PAPER_MULTI_COIL` is the published form.
"""

from __future__ import annotations

from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medrecon.networks.ddgan.block import Block, Decoder, Encoder
from medrecon.networks.ddgan.initial import draw_weights
from medrecon.networks.ddgan.layers import Attention, StepEmbedding
from medrecon.networks.ddgan.norm import adaptive_norm_silu
from medrecon.networks.ddgan.options import GeneratorOptions

__all__ = ["Generator", "GeneratorOptions", "generator_from_seed"]


@final
class Generator(nn.Module):
    """x_0 `(n, channels, y, x)` from x_t of that shape, its level t `(n,)` in 1 … T, and z `(n, latent)`.

    Sides are multiples of `options.multiple`. All that z decides is one vector an image: scales and shifts of the norms
    (`modulation`), of which `modulated` makes the same image. The step is told as t - 1, as in the papers.
    """

    def __init__(self, options: GeneratorOptions) -> None:
        super().__init__()
        self.options = options
        time, coarsest = 4 * options.embedding, options.widths[-1]
        self.embed = StepEmbedding(options.embedding, time, nn.SiLU())
        sizes = [options.latent] + [options.style] * options.mapping
        self.mapping = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.stem = nn.Conv2d(options.packed, options.width * options.multipliers[0], 3, padding=1)
        self.encoder = Encoder(options)
        self.middle = nn.ModuleList(Block(coarsest, coarsest) for _ in range(2))
        self.attention = Attention(coarsest)
        self.decoder = Decoder(options, self.encoder.widths)
        self.scale, self.shift = (nn.Parameter(torch.full((options.widths[0],), float(n))) for n in (1, 0))
        self.head = nn.Conv2d(options.widths[0], options.packed, 3, padding=1)
        self.affine = nn.Linear(options.style, sum(sum(block.parts) for block in self.blocks()))
        self.timing = nn.Linear(time, sum(block.outer for block in self.blocks()))

    def blocks(self) -> list[Block]:
        """In the order in which they run, and in which they find their parts of the conditions."""
        return [*self.encoder.blocks(), *self.middle, *self.decoder.blocks()]  # type: ignore[list-item]

    def forward(self, x: Tensor, t: Tensor, z: Tensor) -> Tensor:
        return self.modulated(x, t, self.modulation(z))

    def modulation(self, z: Tensor) -> Tensor:
        """`(n, m)` scales and shifts of the norms of all blocks, from z `(n, latent)`."""
        style = (z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()).to(self.affine.weight.dtype)
        for layer in self.mapping:
            style = F.silu(layer(style))
        return self.affine(style)

    def modulated(self, x: Tensor, t: Tensor, modulation: Tensor) -> Tensor:
        """x_0 under a modulation `(n, m)`, which need not come from a latent."""
        time, blocks = self.timing(F.silu(self.embed(t - 1))), self.blocks()
        conditions = zip(
            modulation.split([sum(block.parts) for block in blocks], dim=1),
            time.split([block.outer for block in blocks], dim=1),
            strict=True,
        )
        image = F.pixel_unshuffle(x.to(self.stem.weight.dtype), self.options.patch)
        image = image.contiguous(memory_format=torch.channels_last)
        skips = self.encoder(self.stem(image), image, conditions)
        h = self.middle[0](skips[-1], *next(conditions))
        h = self.middle[1](self.attention(h), *next(conditions))
        h = self.decoder(h, skips, conditions)
        h = adaptive_norm_silu(h, self.scale.expand(len(h), -1), self.shift.expand(len(h), -1))
        out = F.pixel_shuffle(self.head(h), self.options.patch).float()
        return self.options.limit * torch.tanh(out / self.options.limit)


def generator_from_seed(options: GeneratorOptions, seed: int, device: torch.device | str = "cpu") -> Generator:
    """An untrained generator with weights drawn from the seed alone; it answers every image with 0."""
    with torch.random.fork_rng(devices=[]):
        made = Generator(options)
    draw_weights(made, seed)
    with torch.no_grad():
        for block in made.blocks():
            block.second.weight.zero_()
        for module in made.modules():
            if isinstance(module, Attention):
                module.out.weight.zero_()
        made.head.weight.zero_()
        # scales of one and shifts of zero, by turns
        parts = [(n, float(1 - i % 2)) for block in made.blocks() for i, n in enumerate(block.parts)]
        made.affine.bias.copy_(torch.cat([torch.full((n,), value) for n, value in parts]))
    return made.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
