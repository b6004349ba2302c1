"""`Run`: everything that the next step of a training run depends on, and the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from medrecon.training.ema import EMA
from medrecon.training.optimiser_state import optimiser_tensors, restore_optimiser, under
from medrecon.training.watch import Entry

LossOf = Callable[[torch.Generator], Tensor]


@dataclass(eq=False)
class Run:
    """Network, average, optimiser and random state after `step` steps and `spent` seconds.

    `running` are the losses since the last entry of the history; on the CPU the state alone decides every later bit.
    """

    network: nn.Module
    ema: EMA
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    spent: float = 0.0
    history: list[Entry] = field(default_factory=list)
    running: list[Tensor] = field(default_factory=list)

    @classmethod
    def begin(cls, network: nn.Module, horizon: float, seed: int) -> Run:
        """Before the first step; random numbers come from `seed` alone."""
        device = next(network.parameters()).device
        optimiser = torch.optim.Adam(network.parameters(), lr=0.0, betas=(0.9, 0.99), fused=device.type == "cuda")
        return cls(network, EMA(network, horizon), optimiser, torch.Generator(device).manual_seed(seed))

    @property
    def learning_rate(self) -> float:
        return self.optimiser.param_groups[0]["lr"]

    def advance(self, loss_of: LossOf, learning_rate: float, clip: float) -> None:
        """One step of Adam on the clipped gradient, and its share in the average."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        loss = loss_of(self.generator)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.ema.update(self.network, self.step)
        self.running.append(loss.detach())

    @property
    def mean_loss(self) -> Tensor:
        """Mean of `running`; NaN where a weight is not finite, since then the next loss will not be, either."""
        return torch.where(all_finite(self.network), torch.stack(self.running).mean(0), torch.nan)

    def tensors(self) -> dict[str, Tensor]:
        """Weights, averages and moments by name."""
        found = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        found |= {f"ema.{k}": v for k, v in self.ema.weights.items()}
        return found | optimiser_tensors(self.optimiser, "optimiser.")

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`; others are passed over."""
        self.network.load_state_dict(under(tensors, "network."))
        self.ema.load(under(tensors, "ema."))
        restore_optimiser(self.optimiser, tensors, "optimiser.")


def all_finite(network: nn.Module) -> Tensor:
    """Whether every weight is a finite number, as a tensor on its device."""
    return torch.stack([p.detach().isfinite().all() for p in network.parameters()]).all()
