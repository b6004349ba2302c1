"""Cold diffusion from low dose to clean (Bansal et al. 2022; for CT Gao et al. 2024), in the space of its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.ct.method import check_at_least_one
from medrecon.ct.restoring import Batch, Restoring
from medrecon.ct.tiled_prior import TiledPrior
from medrecon.diffusion.blend import GRIDS, Blend, blend_levels
from medrecon.diffusion.datasteps.unchanged import Unchanged
from medrecon.diffusion.integrators import INTEGRATORS, Integrator
from medrecon.diffusion.integrators.fixed_end import FixedEnd
from medrecon.diffusion.sampler import Sampler
from medrecon.errors import InputError
from medrecon.networks.ct.load import COLD, CtPrior
from medrecon.progress import OnStep


@dataclass(frozen=True)
class Cold(Restoring):
    """Options of cold diffusion. No randomness: the same input gives the same output.

    steps : network calls a slice, with heun two but for the last. One has the least RMSE; two bring contrast of lesions
        back, more bring noise as well (docs/methods/ct.md). CoreDiff takes 10 (Gao et al. 2024).
    end : "estimated" finds the end point anew at every step and returns the last prediction, as CoreDiff does; "fixed"
        keeps the scan as it came (Algorithm 2 of Bansal et al. 2022) and returns the weighted mean of all predictions.
    integrator : how past predictions are combined, with an estimated end; ddim is the plain step.
    grid : spacing of the levels: linear, CoreDiff's table, or squared cosine.
    """

    spaces: ClassVar[tuple[str, ...]] = ()

    steps: int = 2
    end: Literal["estimated", "fixed"] = "estimated"
    integrator: Literal["ddim", "dpmpp2m", "heun", "momentum"] = "ddim"
    grid: Literal["linear", "corediff", "cosine"] = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least_one(steps=self.steps)
        choices = {"end": ("estimated", "fixed"), "integrator": INTEGRATORS, "grid": GRIDS}
        for field, known in choices.items():
            if getattr(self, field) not in known:
                raise InputError(f"{field} is '{getattr(self, field)}'; choose one of {', '.join(known)}")
        if self.end == "fixed" and self.integrator != "ddim":
            raise InputError(
                f"integrator {self.integrator} combines estimates of the end point, and a fixed end has none; "
                "leave the integrator out, or give end estimated"
            )
        if self.integrator == "heun" and self.grid == "corediff" and self.steps > 1:
            # from there the end point is 1000 times what the network changes, and heun believes it by half
            raise InputError("integrator heun looks ahead to t = 0.001 of the grid corediff; give another of the two")

    @final
    def fits(self, prior: CtPrior) -> str | None:
        if prior.kind == COLD and prior.space.kind in self.spaces:
            return None
        return f"one of kind '{COLD}' in the space {' or '.join(self.spaces)}"

    @final
    def restore(self, batch: Batch, prior: TiledPrior, on_step: OnStep) -> tuple[Tensor, int]:
        """Encode, walk from the scan to the clean state, decode."""
        end = prior.encode(batch.low)
        integrator = self._integrator(end)
        levels = blend_levels(self.grid, self.steps, looks_ahead=integrator.looks_ahead).to(end)

        def clean(x: Tensor, t: Tensor) -> Tensor:
            return restored(prior, x, end, t, batch.dose)

        draw = Sampler(Blend(), levels, integrator, 0.0)(end, clean, Unchanged(), torch.zeros_like, on_step)
        return prior.decode(draw.image)[None], draw.calls

    def _integrator(self, end: Tensor) -> Integrator:
        return FixedEnd(end) if self.end == "fixed" else INTEGRATORS[self.integrator]()


def restored(prior: TiledPrior, state: Tensor, end: Tensor, t: Tensor, dose: Tensor) -> Tensor:
    """The network's clean state for one t of all slices."""
    network, time = prior.prior.network, t.to(dose).expand(len(dose))
    return prior.run(lambda x, e: network(x, e, time, dose), state, end)
