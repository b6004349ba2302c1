"""`Space`: where cold diffusion takes place, and the way from images there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor
from torch.nn import functional as F

from medrecon.networks.ct_codec import CtCodec
from medrecon.networks.ct_cold import ColdOptions


@final
@dataclass(frozen=True, eq=False)
class LatentScale:
    """Mean `(c,)` a channel and one standard deviation for all: a latent's error keeps its measure in pixels."""

    mean: tuple[float, ...]
    std: float

    def as_dict(self) -> dict[str, Any]:
        return {"latent_mean": list(self.mean), "latent_std": self.std}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LatentScale:
        return cls(tuple(values["latent_mean"]), float(values["latent_std"]))

    def scaled(self, z: Tensor) -> Tensor:
        """Latents `(n, c, h, w)` of zero mean and unit size."""
        return (z - self._mean(z)) / self.std

    def unscaled(self, z: Tensor) -> Tensor:
        return z * self.std + self._mean(z)

    def _mean(self, z: Tensor) -> Tensor:
        return z.new_tensor(self.mean)[:, None, None]


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
