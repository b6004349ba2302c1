"""`CtMethod`: a recipe that makes better slices of low-dose ones. One file a method; its dataclass holds options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from medrecon.errors import InputError
from medrecon.mri.deviation import local_deviation
from medrecon.progress import OnStep, Progress, silent

if TYPE_CHECKING:
    from medrecon.networks.ct.load import CtPrior

Voxel = tuple[float, float, float]
"""Voxel size (slice, y, x) in mm."""


@dataclass(frozen=True, eq=False)
class CtSolution:
    """What a method returns.

    Attributes
    ----------
    samples : `(sample, slice, y, x)` HU; one sample for everything that is not drawn.
    calls : network calls a slice, all samples together.
    """

    samples: Tensor
    calls: int = 0

    @property
    def values(self) -> Tensor:
        """`(slice, y, x)` HU, mean over samples."""
        return self.samples.mean(0)

    @property
    def std(self) -> Tensor | None:
        """`(slice, y, x)` HU, how far samples lie apart, from two of them on; calibrated by nothing."""
        return local_deviation(self.samples) if len(self.samples) > 1 else None


@dataclass(frozen=True)
class CtMethod(ABC):
    """Base of all CT methods; subclasses are frozen dataclasses whose fields are the command line's options.

    default_prior : name of the network that the method takes where none is given.
    """

    name: ClassVar[str]
    needs_prior: ClassVar[bool] = False
    default_prior: ClassVar[str | None] = None

    @abstractmethod
    def denoise(
        self,
        images: Tensor,
        *,
        dose: float,
        voxel_mm: Voxel,
        prior: CtPrior | None = None,
        seed: int = 0,
        first_slice: int = 0,
        on_step: OnStep = silent,
    ) -> CtSolution:
        """Denoise slices on their device; none influences another.

        images : `(slice, y, x)` float32 HU, taken at the fraction `dose` of full dose; they are never degraded further.
        voxel_mm : (slice, y, x).
        prior : the network, on the device of the images.
        seed, first_slice : with its number in the volume they decide what is drawn for a slice.
        """


def check_at_least_one(**counts: int | None) -> None:
    """Raise InputError for a count below 1; None was not given."""
    for name, count in counts.items():
        if count is not None and count < 1:
            raise InputError(f"{name} is {count}; give a whole number of at least 1")


def part_of(on_step: OnStep, start: int, stop: int, total: int) -> OnStep:
    """Progress of `start:stop` as that of all `total`."""

    def step(p: Progress) -> None:
        on_step(Progress(p.stage, start * p.total + (stop - start) * p.done, total * p.total))

    return step
