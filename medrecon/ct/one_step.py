"""`one-step`: a network of cold diffusion's shape, trained for the first step alone and called once."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.ct.cold import restored
from medrecon.ct.restoring import Batch, Restoring
from medrecon.ct.tiled_prior import TiledPrior
from medrecon.networks.ct.cold import ColdNet
from medrecon.networks.ct.load import REGRESSION, CtPrior
from medrecon.progress import OnStep, Progress


@final
@dataclass(frozen=True)
class OneStep(Restoring):
    """Plain regression, in whatever space the network works: cold diffusion with T = 1."""

    name: ClassVar[str] = "one-step"
    default_prior: ClassVar[str | None] = "ct-one-step"

    def fits(self, prior: CtPrior) -> str | None:
        if prior.kind == REGRESSION and isinstance(prior.network, ColdNet):
            return None
        return f"one of kind '{REGRESSION}' with architecture one-step"

    def restore(self, batch: Batch, prior: TiledPrior, on_step: OnStep) -> tuple[Tensor, int]:
        end = prior.encode(batch.low)
        image = prior.decode(restored(prior, end, end, batch.dose.new_ones(()), batch.dose))
        on_step(Progress(self.name, 1, 1))
        return image[None], 1
