"""What the methods without a network share: a strength in units of the slice's noise."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from medrecon.ct.method import CtMethod, CtSolution, Voxel
from medrecon.ct.noise_level import noise_level
from medrecon.ct.units import HIGHEST, LOWEST
from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.networks.ct.load import CtPrior


@dataclass(frozen=True)
class Classical(CtMethod):
    """Slices one by one, each smoothed in proportion to the noise that is found in it (`noise_level`).

    The dose has no say: the slice itself shows what noise it left.
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.strength) and self.strength > 0):
            raise InputError(f"strength is {self.strength}; give a number above 0, in units of the slice's noise")

    @abstractmethod
    def smooth(self, image: Tensor, noise: Tensor) -> Tensor:
        """One slice `(y, x)` in HU, whose noise has the standard deviation `noise` in HU (0-d)."""

    @final
    def denoise(
        self,
        images: Tensor,
        *,
        dose: float,  # noqa: ARG002
        voxel_mm: Voxel,  # noqa: ARG002
        prior: CtPrior | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
        first_slice: int = 0,  # noqa: ARG002
        on_step: OnStep = silent,
    ) -> CtSolution:
        """See `CtMethod.denoise`; values beyond the scale of CT count as its ends."""
        smoothed = []
        for done, image in enumerate(images.clamp(LOWEST, HIGHEST)):
            smoothed.append(self.smooth(image, noise_level(image[None])[0]))
            on_step(Progress(self.name, done + 1, len(images)))
        return CtSolution(torch.stack(smoothed)[None])
