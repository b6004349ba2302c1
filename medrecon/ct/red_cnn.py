"""`red-cnn`: the residual encoder-decoder of Chen et al. 2017, a control."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from medrecon.ct.restoring import Batch, Restoring
from medrecon.ct.tiled_prior import TiledPrior
from medrecon.networks.ct.load import REGRESSION, CtPrior
from medrecon.networks.ct.red_cnn import SMALLEST, RedCnn
from medrecon.progress import OnStep, Progress


@final
@dataclass(frozen=True)
class RedCnnMethod(Restoring):
    """One call of RED-CNN, which is told no dose."""

    name: ClassVar[str] = "red-cnn"
    default_prior: ClassVar[str | None] = "ct-red-cnn"
    smallest: ClassVar[int] = SMALLEST

    def fits(self, prior: CtPrior) -> str | None:
        if prior.kind == REGRESSION and isinstance(prior.network, RedCnn):
            return None
        return f"one of kind '{REGRESSION}' with architecture red-cnn"

    def restore(self, batch: Batch, prior: TiledPrior, on_step: OnStep) -> tuple[Tensor, int]:
        image = prior.run(prior.prior.network, batch.low)
        on_step(Progress(self.name, 1, 1))
        return image[None], 1
