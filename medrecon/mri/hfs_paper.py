"""`hfs-paper`: HFS-SDE as its paper describes it, there to be measured."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.mri.low_band import sense_low_band
from medrecon.mri.published_hfs import PublishedHfs
from medrecon.operators.highpass import HighPass
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class HfsPaper(PublishedHfs):
    """HFS-SDE with predictor and corrector, the score projected and the low band re-imposed after every step.

    The low band comes from a SENSE solve. With `width` 0 and an image prior this is VP-SDE with predictor
    and corrector.
    """

    name: ClassVar[str] = "hfs-paper"
    faithful: ClassVar[bool] = True

    def low(self, problem: Problem, high: HighPass) -> Tensor:
        return sense_low_band(problem, high)
