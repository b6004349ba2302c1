"""`Method`: a recipe that turns a Problem into an image. One file a method; its dataclass holds its options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from medrecon.mri.deviation import local_deviation
from medrecon.progress import OnStep, silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem


@dataclass(frozen=True, eq=False)
class Solution:
    """What a method returns, in the Problem's units.

    Attributes
    ----------
    samples : `(sample, slice, y, x)` complex64 combined images; one sample for everything that is not drawn.
    coil_kspace : `(slice, coil, y, x)` the method's own prediction of full k-space (mean over samples);
        None means F S u of the mean image.
    calls : network calls a slice, all samples together.
    spread : what the spread of several samples is worth: "posterior" or "spread, not calibrated". No sampler meets
        evaluation.md 5 on every kind of fixture yet, so none is called a posterior's.
    temperature : factor on the samples' standard deviation, from the prior's record.
    """

    samples: Tensor
    coil_kspace: Tensor | None = None
    calls: int = 0
    spread: str = "spread, not calibrated"
    temperature: float = 1.0

    @property
    def image(self) -> Tensor:
        """`(slice, y, x)` mean over samples."""
        return self.samples.mean(0)

    @property
    def std(self) -> Tensor | None:
        """`(slice, y, x)` standard deviation of the magnitude, from two samples on."""
        return local_deviation(self.samples.abs()) * self.temperature if len(self.samples) > 1 else None


@dataclass(frozen=True)
class Method(ABC):
    """Base of all methods; subclasses are frozen dataclasses whose fields are the command line's options.

    default_prior : name of the prior that the method takes where none is given; None leaves it to the device.
    """

    name: ClassVar[str]
    needs_prior: ClassVar[bool] = False
    default_prior: ClassVar[str | None] = None

    @abstractmethod
    def solve(
        self, problem: Problem, *, prior: Prior | None = None, seed: int = 0, on_step: OnStep = silent
    ) -> Solution:
        """Reconstruct every slice of `problem` on the problem's device.

        `seed` drives the random streams (seed, case, slice, sample); slices never influence each other.
        """
