"""The coarse diffusion of a DDGAN: a VP process in T large steps, its marginals and its posterior (Xiao et al. 2022).

Levels are numbered 0 (the image) to T. With a_k the product of 1 - beta_i over i <= k, which is 1 at k = 0,

    q(x_k | x_0)          = N(sqrt(a_k) x_0, 1 - a_k)
    q(x_k | x_k-1)        = N(sqrt(1 - beta_k) x_k-1, beta_k)
    q(x_k-1 | x_k, x_0)   = N(c1 x_0 + c2 x_k, s^2)

and variances are per real component.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

BETA_MIN, BETA_MAX, EPSILON = 0.1, 20.0, 1e-3
FINEST, COARSEST, POWER = 0.015, 2.0, 7.0
"""Noise over signal at the first and the last of levels that are even in noise, in units of the images' brightest, and
the power in whose root they are even (Karras et al. 2022, eq. 5)."""
DEVIATION = 0.2
"""Of an image's real component in those units, roughly: what a network's answer is mixed by."""
TOKEN = 1e-8
"""Variance of the noise that "clean" training images carry, in place of none."""


@final
class Schedule(nn.Module):
    """Tables of a process in `steps` steps, in single precision from double; t are levels 1 … T, `()` or `(n,)`.

    spacing : "time", levels even in the time of the VP process, as published: of eight the lowest already has noise of
        0.43 of the brightest pixel, and all finer detail must be made up in one step; or "noise", even in a root of
        the ratio of noise to signal, down to 0.015, where a network says what is to be added to its input.

    Attributes
    ----------
    betas : `(T + 1,)`, that of level k at k; 0 at level 0.
    signal : `(T + 1,)` a_k.
    skip, share : `(T + 1,)` of the state and of the network's answer in the estimate of x_0; 0 and 1 as published.
    """

    betas: Tensor
    signal: Tensor
    c1: Tensor
    c2: Tensor
    deviation: Tensor
    skip: Tensor
    share: Tensor

    def __init__(self, steps: int = 8, spacing: str = "time") -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"a schedule of {steps} steps; give at least 1")
        if spacing not in SPACINGS:
            raise ValueError(f"levels spaced by '{spacing}'; choose {' or '.join(SPACINGS)}")
        self.steps, self.spacing = steps, spacing
        log_signal = SPACINGS[spacing](steps)
        betas = -torch.expm1(log_signal.diff())
        signal = (log_signal - log_signal[0]).exp()
        before, after = signal[:-1], signal[1:]
        c1 = betas * before.sqrt() / (1 - after)
        c2 = (1 - before) * (1 - betas).sqrt() / (1 - after)
        deviation = (betas * (1 - before) / (1 - after)).sqrt()
        c1[0] = 1  # exactly: the last step returns the estimate itself
        tables = {"betas": betas, "c1": c1, "c2": c2, "deviation": deviation}
        for name, table in tables.items():  # level 0 has no step to it
            self.register_buffer(name, torch.cat([table.new_zeros(1), table]).float(), persistent=False)
        self.register_buffer("signal", signal.float(), persistent=False)
        of_state, of_answer = _mixing(signal)
        if spacing == "time":
            of_state, of_answer = torch.zeros_like(signal), torch.ones_like(signal)
        self.register_buffer("skip", of_state.float(), persistent=False)
        self.register_buffer("share", of_answer.float(), persistent=False)

    def noised(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """A draw from q(x_t | x_0) by standard normal `noise`; images `(n, …)`, t from 0."""
        kept = self.signal[t]
        return _over(kept.sqrt(), x0) * x0 + _over((1 - kept).sqrt(), x0) * noise

    def pair(self, x0: Tensor, noise: Tensor, step_noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Draws of (x_t-1, x_t) together. Level 0 carries noise of variance `TOKEN`, as training images do."""
        kept = self.signal[t - 1]
        before = _over(kept.sqrt(), x0) * x0 + _over((1 - kept).clamp(min=TOKEN).sqrt(), x0) * noise
        beta = self.betas[t]
        return before, _over((1 - beta).sqrt(), x0) * before + _over(beta.sqrt(), x0) * step_noise

    def estimate(self, x: Tensor, answer: Tensor, t: Tensor) -> Tensor:
        """x_0 from a state and what the network says of it: its answer as it is, or beside a share of the state."""
        if self.spacing == "time":
            return answer
        return _over(self.skip[t], x) * x + _over(self.share[t], x) * answer

    def in_answers(self, error: Tensor, t: Tensor) -> Tensor:
        """An error of the estimate as one of the network's answer, so that all levels weigh alike."""
        return error if self.spacing == "time" else error / _over(self.share[t], error)

    def previous(self, x: Tensor, x0: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """A draw from q(x_t-1 | x_t = x, x_0 = x0), or its mean without noise; at t = 1 that is `x0` bit for bit."""
        mean = _over(self.c1[t], x) * x0 + _over(self.c2[t], x) * x
        return mean if noise is None else mean + _over(self.deviation[t], x) * noise


def even_in_time(steps: int) -> Tensor:
    """`(steps + 1,)` log a of the VP process up to a constant (specification A.2)."""
    tau = EPSILON + (1 - EPSILON) * torch.arange(steps + 1, dtype=torch.float64) / steps
    return -0.5 * (BETA_MAX - BETA_MIN) * tau**2 - BETA_MIN * tau


def even_in_noise(steps: int) -> Tensor:
    """`(steps + 1,)` log a for a ratio (1 - a) / a = sigma^2 whose root of sigma grows evenly; one step is the last."""
    low, high = FINEST ** (1 / POWER), COARSEST ** (1 / POWER)
    sigma = torch.linspace(high, low, steps, dtype=torch.float64).flip(0) ** POWER
    return torch.cat([sigma.new_zeros(1), -torch.log1p(sigma**2)])


def _mixing(signal: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of state and answer in the estimate, so that the answer always has to be of the size of the images."""
    sigma = ((1 - signal) / signal).sqrt()
    whole = sigma**2 + DEVIATION**2
    return DEVIATION**2 / whole / signal.sqrt(), sigma / whole.sqrt()


SPACINGS: dict[str, Callable[[int], Tensor]] = {"time": even_in_time, "noise": even_in_noise}


def _over(values: Tensor, images: Tensor) -> Tensor:
    """`()` as it is, `(n,)` so that it multiplies images `(n, …)`."""
    return values.reshape(values.shape + (1,) * (images.ndim - 1)) if values.ndim else values
