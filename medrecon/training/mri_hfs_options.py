"""Options of the high-band prior's recipe: everything that decides what prior comes out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from medrecon.datasets.augmentation import AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.networks.band import CONDITIONS, CONTEXT
from medrecon.networks.unet import UNetOptions
from medrecon.training.band_loss import BandOptions
from medrecon.training.edm_loss import LevelOptions
from medrecon.training.loop import LoopOptions

NETWORK = UNetOptions(widths=(128, 160, 192, 128))
"""7.8 M weights: the budget of 8 MiB at 8 bits a weight."""


def whole_periods() -> AugmentationOptions:
    """As for the image prior, on matrices that divide the training size: F_h is exact on whole periods alone."""
    return AugmentationOptions(footprint=FootprintOptions(periods=(128, 256)))


@dataclass(frozen=True)
class MriHfsOptions:
    """Everything that decides what prior comes out.

    Levels lie lower than the image prior's, as the band's scale does: its rms is .23-.49 of the image's.
    """

    network: UNetOptions = NETWORK
    size: int = 256
    batch: int = 64
    bands: BandOptions = field(default_factory=BandOptions)
    levels: LevelOptions = field(default_factory=lambda: LevelOptions(mean=-3.0, spread=1.5, highest=5.0))
    augmentation: AugmentationOptions = field(default_factory=whole_periods)
    loop: LoopOptions = field(default_factory=LoopOptions)

    @property
    def architecture(self) -> UNetOptions:
        """The network with its inputs for the low band and its width."""
        return replace(self.network, context=CONTEXT, conditions=CONDITIONS)
