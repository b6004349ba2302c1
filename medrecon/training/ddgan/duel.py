"""`Duel`: a generator and its discriminator, with everything that the next step of both depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from medrecon.training.ema import EMA
from medrecon.training.optimiser_state import optimiser_tensors, restore_optimiser, under
from medrecon.training.run import all_finite
from medrecon.training.watch import Entry

BETAS = (0.5, 0.9)
"""Of Adam, for both (Xiao et al. 2022)."""
LossOf = Callable[[], tuple[Tensor, Tensor]]
"""Gives a loss and what is minimised beside it without being logged; called with the other network at rest."""


@dataclass(eq=False)
class Duel:
    """Both networks after `step` steps and `spent` seconds; `running` holds (generator's, discriminator's) losses."""

    network: nn.Module
    discriminator: nn.Module
    ema: EMA
    optimiser: torch.optim.Optimizer
    opponent: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    spent: float = 0.0
    history: list[Entry] = field(default_factory=list)
    running: list[Tensor] = field(default_factory=list)

    @classmethod
    def begin(cls, network: nn.Module, discriminator: nn.Module, horizon: float, seed: int) -> Duel:
        """Before the first step; random numbers come from `seed` alone."""
        device = next(network.parameters()).device
        random = torch.Generator(device).manual_seed(seed)
        return cls(network, discriminator, EMA(network, horizon), _adam(network), _adam(discriminator), random)

    @property
    def learning_rate(self) -> float:
        return self.optimiser.param_groups[0]["lr"]

    def advance(self, telling: LossOf, fooling: LossOf, rates: tuple[float, float], clip: float) -> None:
        """A step of the discriminator, then one of the generator; `rates` are the generator's and the other's."""
        told = _step(self.discriminator, self.opponent, telling, rates[1], clip)
        self.discriminator.requires_grad_(False)  # the generator's step asks for no gradients of its weights
        fooled = _step(self.network, self.optimiser, fooling, rates[0], clip)
        self.discriminator.requires_grad_(True)
        self.step += 1
        self.ema.update(self.network, self.step)
        self.running.append(torch.stack([fooled, told]))

    @property
    def mean_loss(self) -> Tensor:
        """`(2,)` means of `running`; NaN where a weight is not finite, since then the next loss will not be, either."""
        finite = all_finite(self.network) & all_finite(self.discriminator)
        return torch.where(finite, torch.stack(self.running).mean(0), torch.nan)

    def tensors(self) -> dict[str, Tensor]:
        """Weights, averages and moments by name."""
        found = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        found |= {f"discriminator.{k}": v for k, v in self.discriminator.state_dict().items()}
        found |= {f"ema.{k}": v for k, v in self.ema.weights.items()}
        found |= optimiser_tensors(self.optimiser, "optimiser.")
        return found | optimiser_tensors(self.opponent, "opponent.")

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`; others are passed over."""
        self.network.load_state_dict(under(tensors, "network."))
        self.discriminator.load_state_dict(under(tensors, "discriminator."))
        self.ema.load(under(tensors, "ema."))
        restore_optimiser(self.optimiser, tensors, "optimiser.")
        restore_optimiser(self.opponent, tensors, "opponent.")


def _adam(network: nn.Module) -> torch.optim.Optimizer:
    fused = next(network.parameters()).is_cuda
    return torch.optim.Adam(network.parameters(), lr=0.0, betas=BETAS, fused=fused)


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, loss_of: LossOf, rate: float, clip: float) -> Tensor:
    """One step of Adam on the clipped gradient; gives the loss."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss, beside = loss_of()
    (loss + beside).backward()
    nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return loss.detach()
