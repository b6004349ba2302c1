"""`Space`: where cold diffusion takes place, and the way from images there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from medrecon.networks.ct.codec import CtCodec
from medrecon.networks.ct.cold import ColdOptions


@final
@dataclass(frozen=True, eq=False)
class LatentScale:
    """Mean `(c, 1, 1)` of each channel and one standard deviation for all: errors keep their measure in pixels."""

    mean: Tensor
    std: float

    def as_dict(self) -> dict[str, Any]:
        return {"latent_mean": self.mean.flatten().tolist(), "latent_std": self.std}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], device: torch.device | str = "cpu") -> LatentScale:
        mean = torch.tensor(values["latent_mean"], dtype=torch.float32, device=device)
        return cls(mean[:, None, None], float(values["latent_std"]))

    @classmethod
    def of(cls, latents: Tensor) -> LatentScale:
        """Measured on `(n, c, h, w)`."""
        mean = latents.mean((0, 2, 3))[:, None, None]
        return cls(mean, float((latents - mean).square().mean().sqrt()))

    def scaled(self, z: Tensor) -> Tensor:
        """Latents `(n, c, h, w)` of zero mean and unit size."""
        return (z - self.mean) / self.std

    def unscaled(self, z: Tensor) -> Tensor:
        return z * self.std + self.mean


@final
@dataclass(frozen=True, eq=False)
class Space:
    """Images in network units `(n, 1, y, x)` to states `(n, c, h, w)` and back.

    kind, factor : as `ColdOptions` has them. codec, scale : of a latent space, None elsewhere.
    """

    kind: str = "pixel"
    factor: int = 1
    codec: CtCodec | None = None
    scale: LatentScale | None = None

    @classmethod
    def of(cls, options: ColdOptions, codec: CtCodec | None = None, scale: LatentScale | None = None) -> Space:
        """The space of a network; a latent one needs the codec and its scale, raises ValueError where they misfit."""
        if options.space != "latent":
            return cls(options.space, options.factor if options.space == "unshuffle" else 1)
        if codec is None or scale is None or codec.options.channels != options.channels:
            raise ValueError(f"a latent space of {options.channels} channels needs a codec of as many, and its scale")
        return cls("latent", codec.options.factor, codec, scale)

    def encode(self, u: Tensor) -> Tensor:
        """The posterior's mean in a latent space: no randomness."""
        if self.codec is not None and self.scale is not None:
            return self.scale.scaled(self.codec.encode(u))
        return F.pixel_unshuffle(u, self.factor) if self.factor > 1 else u

    def decode(self, state: Tensor) -> Tensor:
        if self.codec is not None and self.scale is not None:
            return self.codec.decode(self.scale.unscaled(state))
        return F.pixel_shuffle(state, self.factor) if self.factor > 1 else state


PIXELS = Space()
