"""The data step of a problem whose data are all in the state already."""

from typing import ClassVar, Literal, final

from torch import Tensor

from medrecon.diffusion.datasteps.step import DataStep


@final
class Unchanged(DataStep):
    """x0 as it is."""

    history: ClassVar[Literal["conditional", "raw"]] = "conditional"

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        return x0
