"""A light KL autoencoder for CT slices: half as many values as pixels, and a linear path that no training can spoil.

Each block of `factor` x `factor` pixels becomes coefficients of orthonormal polynomials; those of the lowest orders are
kept, and bias-free convolutions add what they can carry of the others. Constants and ramps lie in the lowest orders
alone, where the convolutions neither look nor, having no bias, answer: they pass exactly, whatever the weights. With
ReLU both directions are homogeneous of degree one, so that faint and strong structures of the same shape come through
alike. Loss and latent scale after latent diffusion (Rombach et al. 2022), without its adversarial part.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LINEAR = 3
"""Coefficients that a ramp has: of 1, x and y."""
FIRST_LOGVAR = -14.0
"""Of the posterior that training begins with: a standard deviation of 1 HU."""


@dataclass(frozen=True)
class CodecOptions:
    """Size of the codec.

    factor : pixels a side of a block, which becomes one position of the latent.
    channels : values kept of a block, at least 3 and at most half of its pixels.
    width : of the convolutions, all on the latent's grid.
    encoder_blocks, decoder_blocks : residual blocks of two 3x3 convolutions.
    """

    factor: int = 4
    channels: int = 8
    width: int = 96
    encoder_blocks: int = 4
    decoder_blocks: int = 5

    def __post_init__(self) -> None:
        if not LINEAR <= self.channels <= self.factor**2 // 2:
            raise ValueError(f"a codec keeps from {LINEAR} to {self.factor**2 // 2} values of a block")

    @property
    def multiple(self) -> int:
        """Image sides must be multiples of this."""
        return self.factor

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@final
class CtCodec(nn.Module):
    """Network units `(n, 1, y, x)` to latents `(n, channels, y / factor, x / factor)` and back.

    The linear path computes in double precision, which neither autocast nor TF32 touches: half costs 4 HU in bone.
    """

    transform: Tensor

    def __init__(self, options: CodecOptions) -> None:
        super().__init__()
        self.options = options
        pixels, kept, width = options.factor**2, options.channels, options.width
        self.encoder = Correction(pixels, kept, width, options.encoder_blocks)
        self.spread = nn.Conv2d(pixels, kept, 1)
        self.decoder = Correction(kept, pixels, width, options.decoder_blocks)
        nn.init.zeros_(self.spread.weight)
        nn.init.constant_(self.spread.bias, FIRST_LOGVAR)  # type: ignore[arg-type]
        self.register_buffer("transform", polynomials(options.factor), persistent=False)

    def moments(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, both of the latent's shape."""
        coefficients = self._analysed(u)
        seen = without_ramps(coefficients)
        return self._mean(coefficients, seen), self._logvar(seen)

    def encode(self, u: Tensor) -> Tensor:
        """The posterior's mean: no sample, so that cold diffusion stays deterministic."""
        coefficients = self._analysed(u)
        return self._mean(coefficients, without_ramps(coefficients))

    def decode(self, z: Tensor) -> Tensor:
        """Images `(n, 1, y, x)` of latents."""
        z = z.float()
        added = self.decoder(without_ramps(z)).float()
        kept = self.options.channels
        return self._synthesised(torch.cat([z + added[:, :kept], added[:, kept:]], 1))

    def forward(self, u: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As training needs it: the image of a latent drawn with standard normal `noise`, mean and log-variance."""
        mean, logvar = self.moments(u)
        return self.decode(mean + (0.5 * logvar).exp() * noise), mean, logvar

    def _mean(self, coefficients: Tensor, seen: Tensor) -> Tensor:
        return coefficients[:, : self.options.channels] + self.encoder(seen).float()

    def _logvar(self, seen: Tensor) -> Tensor:
        return self.spread(seen.abs().to(self.spread.weight.dtype)).float().clamp(-30, 10)

    def _analysed(self, u: Tensor) -> Tensor:
        blocks = F.pixel_unshuffle(u.double(), self.options.factor)
        return torch.einsum("kp,npyx->nkyx", self.transform, blocks).float().contiguous()

    def _synthesised(self, coefficients: Tensor) -> Tensor:
        blocks = torch.einsum("kp,nkyx->npyx", self.transform, coefficients.double())
        return F.pixel_shuffle(blocks.float().contiguous(), self.options.factor)


@final
class Correction(nn.Module):
    """Bias-free residual convolutions; zero at zero, and zero everywhere before training."""

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.blocks = nn.ModuleList(BiasFreeBlock(width) for _ in range(blocks))
        self.head = nn.Conv2d(width, outputs, 3, padding=1, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x.to(self.stem.weight.dtype).contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            h = block(h)
        return self.head(F.relu(h))


@final
class BiasFreeBlock(nn.Module):
    """x + W2 relu(W1 relu(x)); starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


def polynomials(factor: int) -> Tensor:
    """`(factor^2, factor^2)` float64 orthonormal rows over a block's pixels (y, x): products of discrete polynomials.

    Ordered by (i + 1)(j + 1) of their orders, in which the energy of images falls; the first three are 1, x and y.
    """
    positions = torch.arange(factor, dtype=torch.float64) - (factor - 1) / 2
    powers = torch.stack([positions**n for n in range(factor)], 1)
    q, r = torch.linalg.qr(powers)
    line = (q * r.diagonal().sign()).T
    orders = sorted(((i, j) for i in range(factor) for j in range(factor)), key=lambda ij: (ij[0] + 1) * (ij[1] + 1))
    return torch.stack([torch.outer(line[i], line[j]).flatten() for i, j in orders])


def without_ramps(coefficients: Tensor) -> Tensor:
    """`(n, c, y, x)` coefficients, those of 1, x and y less their binomial mean over neighbours: zero for ramps."""
    first, others = coefficients[:, :LINEAR], coefficients[:, LINEAR:]
    mean = _binomial(_binomial(first, 2), 3)
    return torch.cat([first - mean, others], 1)


def _binomial(x: Tensor, axis: int) -> Tensor:
    """(1 2 1) / 4 along an axis, continued at the edges so that a ramp stays one."""
    n = x.shape[axis]
    if n < 2:
        return x
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, n - 1, 1)
    before, after = 2 * first - x.narrow(axis, 1, 1), 2 * last - x.narrow(axis, n - 2, 1)
    padded = torch.cat([before, x, after], axis)
    return (padded.narrow(axis, 0, n) + 2 * x + padded.narrow(axis, 2, n)) / 4
