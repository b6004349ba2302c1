"""The restoration network of cold diffusion: from a state between clean and low-dose CT to the clean one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medrecon.networks.unet import UNetOptions

SPACES = ("pixel", "unshuffle", "latent")
RESIDUAL = 0.1
"""Size of a network's answer of 1: about that of the noise in units of any space."""
INNER = 2
"""The U-Net packs this many pixels a side into channels, which other spaces have done already."""


def latent_network() -> UNetOptions:
    """2.5 M weights on the latent's own grid: the budget of 2.5 MiB at 8 bits a weight."""
    return UNetOptions((96, 128, 128), (2, 2, 1), (2, 1, 1), embedding=64)


def pixel_network() -> UNetOptions:
    """For images at full resolution: 0.12 TMAC for 512x512."""
    return UNetOptions((112, 160, 192, 192), (2, 2, 2, 1), (3, 2, 2, 1), embedding=128)


@dataclass(frozen=True)
class ColdOptions:
    """What the network works on, and its size.

    space : "pixel", images; "unshuffle", blocks of `factor` x `factor` pixels as channels; "latent", a codec's.
    factor : of "unshuffle".
    channels : of the codec's latent.
    network : widths and blocks; on the state's own grid, for "pixel" from half its resolution on.
    sees_end : whether the low-dose end point is shown beside the state. With it a state before the end gives the clean
        image away, (state - t end) / (1 - t), and the network learns to read it off; see `training.ct_cold`.
    """

    space: str = "latent"
    factor: int = 4
    channels: int = 8
    network: UNetOptions = field(default_factory=latent_network)
    sees_end: bool = True

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise ValueError(f"space is '{self.space}'; choose one of {', '.join(SPACES)}")
        if self.space != "pixel" and self.state_channels % INNER**2:
            raise ValueError(f"{self.state_channels} channels; give a multiple of {INNER**2}")

    @property
    def state_channels(self) -> int:
        return {"pixel": 1, "unshuffle": self.factor**2, "latent": self.channels}[self.space]

    @property
    def multiple(self) -> int:
        """Sides of a state must be multiples of this."""
        return self.network.multiple // (1 if self.space == "pixel" else INNER)

    @property
    def architecture(self) -> UNetOptions:
        """The U-Net with its inputs: state, end point, dose."""
        packed = self.state_channels if self.space == "pixel" else self.state_channels // INNER**2
        return replace(self.network, channels=packed, context=packed if self.sees_end else 0, conditions=1)

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "network": self.network.as_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ColdOptions:
        return cls(**{**values, "network": UNetOptions.from_dict(values["network"])})


@final
class ColdNet(nn.Module):
    """Clean state `(n, c, h, w)` of a state at time t in [0, 1], its low-dose end point, and the dose of that.

    clean = state + 0.1 F(state, end; t, dose): the identity before training. `network` is a U-Net of
    `options.architecture`. States are in the units of their space: network units, or latents scaled to unit size.
    """

    def __init__(self, network: nn.Module, options: ColdOptions) -> None:
        super().__init__()
        self.network, self.options = network, options

    def forward(self, state: Tensor, end: Tensor, t: Tensor, dose: Tensor) -> Tensor:
        """`t` and `dose` `(n,)`; dose is a share of the full one."""
        seen = torch.cat([self._fine(state), self._fine(end)], 1) if self.options.sees_end else self._fine(state)
        dtype = next(self.network.parameters()).dtype
        out = self.network(seen.to(dtype), t, dose_label(dose)[:, None]).float()
        return state + RESIDUAL * (out if self.options.space == "pixel" else F.pixel_unshuffle(out, INNER))

    def _fine(self, state: Tensor) -> Tensor:
        """Channels laid out as pixels: the U-Net packs them again, and so works on the state's own grid."""
        return state if self.options.space == "pixel" else F.pixel_shuffle(state, INNER)


def dose_label(dose: Tensor) -> Tensor:
    """About unit size over 5 to 100 %."""
    return dose.float().log2() / 2 + 1
