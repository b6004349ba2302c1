"""Stage 2: the network is fitted to the k-space of each slice, and stopped early.

Specification A.7: theta* = argmin |M F S G_theta(x, 1, z) - y|_1 by Adam, input and latent fixed. One iteration is a
function of tensors alone, gradient and all: it differentiates inside itself (`torch.autograd.grad`) and returns plain
tensors, Adam's memory among them. So `Replay` can hold it, which an optimiser that writes to `.grad` could not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, final

import torch
from torch import Tensor

from medrecon.diffusion.adaptation.adam import Adam
from medrecon.diffusion.adaptation.adapter import Adapter
from medrecon.diffusion.adaptation.misfit import Losses, Misfit, Samples
from medrecon.diffusion.adaptation.stopping import StopRule, Watch
from medrecon.progress import OnStep, Progress, silent
from medrecon.replay import Replay, Tensors

STAGE = "adaptation"
LOOK_EVERY = 3
"""Iterations on CUDA between two looks at whether all slices have stopped; each look waits for the device, which costs
less than an iteration or two too many."""

OnIterate = Callable[[int, Tensor, Losses], None]
"""(updates so far, images, losses) of an iterate; the tensors are overwritten by the next one."""
OnValues = Callable[[int, Tensor], None]
"""(updates so far, values) of an iterate before anything is computed with them; overwritten as well."""


@dataclass(frozen=True, eq=False)
class Adapted:
    """Each slice at the iterate that was kept.

    Attributes
    ----------
    values : `(n, size)` of the `Adapter`.
    image : `(n, y, x)` what the network makes of its input under them.
    held_power : `(n,)` mean |A x - y|^2 of withheld samples; 0 where there were none.
    kept : `(n,)` updates that the values have seen.
    iterations : updates that were made, those of the slowest slice.
    """

    values: Tensor
    image: Tensor
    held_power: Tensor
    kept: Tensor
    iterations: int

    @property
    def calls(self) -> int:
        """Network calls a slice: the last iterate is looked at, but not updated."""
        return self.iterations + 1


class _State(NamedTuple):
    """All that goes from one iteration to the next."""

    values: Tensor
    mean: Tensor
    square: Tensor
    number: Tensor
    best: Tensor
    image: Tensor
    held_power: Tensor
    score: Tensor
    since: Tensor
    kept: Tensor
    running: Tensor

    @property
    def watch(self) -> Watch:
        return Watch(self.score, self.since, self.kept, self.running)


@final
@dataclass(frozen=True, eq=False)
class Adaptation:
    """Fits a network, through an `Adapter`, to the samples of a batch; slices never influence each other.

    On CUDA the iterations of all batches of one shape are one recorded graph, which lives as long as this object.
    """

    adapter: Adapter
    misfit: Misfit
    rule: StopRule
    adam: Adam
    iterations: int
    _recorded: dict[torch.Size, Replay] = field(default_factory=dict, init=False)

    @torch.no_grad()
    def __call__(
        self,
        inputs: Tensors,
        samples: Samples,
        start: Tensor,
        on_step: OnStep = silent,
        on_iterate: OnIterate | None = None,
        on_values: OnValues | None = None,
    ) -> Adapted:
        """From values `start` `(n, size)`; `inputs` are what the network sees: state, level and latent of n slices."""
        given, done = (*inputs, *samples), 0
        state = _begin(start, inputs[0])
        while done < self.iterations and self._goes_on(state, done):
            if on_values is not None:
                on_values(done, state.values)
            found = self._iteration(inputs[0].shape)(*state, *given)
            _told(on_iterate, done, found)
            state, done = _State(*found[: len(state)]), done + 1
            on_step(Progress(STAGE, done, self.iterations))
        if on_values is not None:
            on_values(done, state.values)
        state, *seen = self._look(state, given)
        _told(on_iterate, done, (*state, *seen))
        on_step(Progress(STAGE, self.iterations, self.iterations))
        # what a recorded iteration returned, the next batch will overwrite
        kept = (v.clone() for v in (state.best, state.image, state.held_power, state.kept))
        return Adapted(*kept, iterations=done)

    def _goes_on(self, state: _State, done: int) -> bool:
        looks = done > 0 and (not state.values.is_cuda or done % LOOK_EVERY == 0)
        return not looks or bool(state.running.any())

    def _iteration(self, shape: torch.Size) -> Callable[..., Tensors]:
        """The first of a shape as it is, which the recording needs; from then on recorded."""
        if shape in self._recorded:
            return self._recorded[shape]
        self._recorded[shape] = Replay(self._updated)
        return self._updated

    def _updated(self, *tensors: Tensor) -> Tensors:
        """(next state, image, losses) of a state and what is given."""
        state, given = _parted(tensors)
        values = state.values.detach().requires_grad_()
        with torch.enable_grad():
            image = self.adapter(values, *given[:3])
            losses = self.misfit(image, Samples(*given[3:]))
            (gradient,) = torch.autograd.grad(losses.fit.sum(), values)
        image, losses = image.detach(), Losses(*(loss.detach() for loss in losses))
        state = self._judged(state, image, losses)
        new = self.adam(state.values, gradient, state.mean, state.square, state.number)
        state = state._replace(values=new[0], mean=new[1], square=new[2], number=state.number + 1)
        return (*state, image, *losses)

    def _look(self, state: _State, given: Tensors) -> tuple[_State, *Tensors]:
        """At the last iterate, which nothing was learnt from."""
        image = self.adapter(state.values, *given[:3])
        losses = self.misfit(image, Samples(*given[3:]))
        return self._judged(state, image, losses), image, *losses

    def _judged(self, state: _State, image: Tensor, losses: Losses) -> _State:
        watch, keeps = self.rule.after(losses, state.number, state.watch)
        return state._replace(
            best=torch.where(keeps[:, None], state.values, state.best),
            image=torch.where(keeps[:, None, None], image, state.image),
            held_power=torch.where(keeps, losses.held_power, state.held_power),
            **watch._asdict(),
        )


def _begin(start: Tensor, like: Tensor) -> _State:
    n, device = len(start), start.device
    nothing, number = torch.zeros_like(start), torch.zeros((), dtype=torch.int32, device=device)
    return _State(
        start, nothing, nothing.clone(), number, start.clone(), torch.zeros_like(like), torch.zeros(n, device=device),
        *Watch.begin(n, device),
    )  # fmt: skip


def _parted(tensors: Tensors) -> tuple[_State, Tensors]:
    n = len(_State._fields)
    return _State(*tensors[:n]), tensors[n:]


def _told(on_iterate: OnIterate | None, done: int, found: Tensors) -> None:
    if on_iterate is not None:
        image, *losses = found[len(_State._fields) :]
        on_iterate(done, image, Losses(*losses))
