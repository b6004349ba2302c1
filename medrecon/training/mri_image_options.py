"""Options of the image prior's recipe: everything that decides what prior comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from medrecon.datasets.augmentation import AugmentationOptions
from medrecon.errors import InputError
from medrecon.networks.unet import UNetOptions
from medrecon.training.edm_loss import LevelOptions
from medrecon.training.loop import LoopOptions

NETWORKS = {
    "large": UNetOptions(),
    "small": UNetOptions(widths=(64, 96, 160, 128), encoder_blocks=(2, 2, 1, 1), decoder_blocks=(3, 2, 2, 1)),
}
"""Sizes that fit the weights budget: 12 MiB and 4 MiB at 8 bits a weight."""


@dataclass(frozen=True)
class MriImageOptions:
    """Everything that decides what prior comes out; `network` is a name of `NETWORKS` or the widths themselves."""

    network: str | UNetOptions = "large"
    size: int = 256
    batch: int = 64
    levels: LevelOptions = field(default_factory=LevelOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    loop: LoopOptions = field(default_factory=LoopOptions)

    @property
    def architecture(self) -> UNetOptions:
        """Widths and block counts; raises InputError for a name that is none."""
        if isinstance(self.network, UNetOptions):
            return self.network
        if self.network not in NETWORKS:
            raise InputError(
                f"unknown network '{self.network}'; choose {' or '.join(NETWORKS)}, or set [network] with its widths"
            )
        return NETWORKS[self.network]
