"""`hfs-released`: HFS-SDE as its public code computes it, there to be measured."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.mri.low_band import centre_lines
from medrecon.mri.published_hfs import PublishedHfs
from medrecon.operators.highpass import HighPass
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class HfsReleased(PublishedHfs):
    """HFS-SDE in the points of its code that change the image (specification 2.5, 2.6 and 4).

    The predictor's score is not projected, so that whatever the network says of low frequencies moves them; the data's
    gradient is not projected either; the chain starts from the low band's lines combined with the maps, without a
    solve; beta's table keeps 1000 entries for any number of steps. The released code also samples with the last weights
    instead of their average: for that, give the prior that `benchmarks/train_hfs.py` leaves of them.
    """

    name: ClassVar[str] = "hfs-released"
    faithful: ClassVar[bool] = False

    def low(self, problem: Problem, high: HighPass) -> Tensor:
        return problem.forward.H(problem.kspace * centre_lines(problem, high))
