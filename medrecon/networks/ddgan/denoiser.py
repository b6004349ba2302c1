"""A DDGAN's generator on complex images of any size, in the units of a Problem."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from medrecon.networks.ddgan.generator import Generator
from medrecon.networks.ddgan.schedule import Schedule
from medrecon.networks.edm import MARGIN
from medrecon.networks.wrap import wrap_pad


@final
class DdganDenoiser(nn.Module):
    """A draw of x_0 given x_t, for complex images `(n, y, x)`.

    States are in a Problem's units as images are: x_t = sqrt(a_t) x_0 + scale sqrt(1 - a_t) e with e standard normal
    per real component; `noised` and `previous` see to the factor. The network sees x_t / scale, continued periodically
    by `MARGIN` pixels on all sides, up to the next size that it can take.

    Attributes
    ----------
    generator, schedule : the network, its weights in single precision so that they can be adapted, and its levels.
    scale : what images are divided by before the network sees them.
    dtype : the format that convolutions compute in (`ready.network_dtype`).
    latent : `(1, latent)` the z of a call without one: always the same, of the length of a drawn one.
    """

    latent: Tensor

    def __init__(
        self, generator: Generator, schedule: Schedule, scale: float, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.generator, self.schedule, self.scale, self.dtype = generator, schedule, scale, dtype
        numbers = torch.Generator().manual_seed(0)
        self.register_buffer("latent", torch.randn(1, generator.options.latent, generator=numbers), persistent=False)

    def forward(self, x: Tensor, t: Tensor, z: Tensor | None = None) -> Tensor:
        """x_0 from states `(n, y, x)` at levels t, `()` or `(n,)`, 1 … T, and z `(n, latent)`."""
        z = self.latent.expand(len(x), -1) if z is None else z
        with self._autocast(x):
            modulation = self.generator.modulation(z)
        return self.modulated(x, t, modulation)

    def modulated(self, x: Tensor, t: Tensor, modulation: Tensor) -> Tensor:
        """The same under a modulation `(n, m)` of each image, as `generator.modulation(z)` gives it."""
        padded, crop = wrap_pad(x / self.scale, self.generator.options.multiple, MARGIN)
        channels = torch.view_as_real(padded).movedim(-1, 1)
        level = t.round().long().expand(len(x))
        with self._autocast(x):
            out = self.generator.modulated(channels, level, modulation).float()
        out = self.schedule.estimate(channels, out, level)
        return torch.view_as_complex(out.movedim(1, -1).contiguous())[crop] * self.scale

    def noised(self, image: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t of an image, with complex `noise` of unit variance per real component; t `()` or `(n,)`, from 0."""
        return self.schedule.noised(image, self.scale * noise, t)

    def previous(self, x: Tensor, x0: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """A draw of x_t-1 given x_t = `x` and the image `x0`, or its mean without noise; at t = 1 it is `x0`."""
        return self.schedule.previous(x, x0, t, None if noise is None else self.scale * noise)

    @staticmethod
    def modulation() -> tuple[str, ...]:
        """Names of the generator's parameters that make modulations of a latent's style.

        Per slice it is their output that adapts: a `(n, m)` tensor for `modulated`, so that slices share all weights.
        """
        return ("affine.weight", "affine.bias")

    def _autocast(self, x: Tensor) -> torch.autocast:
        # without the cache: weights change between calls, and a CUDA graph must cast them anew
        return torch.autocast(x.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16, cache_enabled=False)
