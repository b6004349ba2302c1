"""`tv`: total variation (Rudin, Osher and Fatemi 1992), a control that no training helped."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.ct.classical import Classical
from medrecon.ct.method import check_at_least_one
from medrecon.optimisation.total_variation import TotalVariationProx


@final
@dataclass(frozen=True)
class TotalVariation(Classical):
    """argmin_u |u - image|^2 / 2 + strength noise TV(u), isotropic, by fast gradient projection (Beck and Teboulle
    2009b).

    strength : weight in units of the slice's noise; 0.5 has the least error in benchmarks/results/ct_strengths.json.
    iterations : of the dual.
    """

    name: ClassVar[str] = "tv"

    strength: float = 0.5
    iterations: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least_one(iterations=self.iterations)

    def smooth(self, image: Tensor, noise: Tensor) -> Tensor:
        return TotalVariationProx(self.strength * noise, self.iterations)(image)[0]
