"""The coarse diffusion of a DDGAN: a VP process in T large steps, its marginals and its posterior (Xiao et al. 2022).

Levels are numbered 0 (the image) to T. With a_k the product of 1 - beta_i over i <= k, which is 1 at k = 0,

    q(x_k | x_0)          = N(sqrt(a_k) x_0, 1 - a_k)
    q(x_k | x_k-1)        = N(sqrt(1 - beta_k) x_k-1, beta_k)
    q(x_k-1 | x_k, x_0)   = N(c1 x_0 + c2 x_k, s^2)

and variances are per real component.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

BETA_MIN, BETA_MAX, EPSILON = 0.1, 20.0, 1e-3
TOKEN = 1e-8
"""Variance of the noise that "clean" training images carry, in place of none."""


@final
class Schedule(nn.Module):
    """Tables of a process in `steps` steps, in single precision from double; t are levels 1 … T, `()` or `(n,)`.

    Attributes
    ----------
    betas : `(T + 1,)`, that of level k at k; 0 at level 0.
    signal : `(T + 1,)` a_k.
    """

    betas: Tensor
    signal: Tensor
    c1: Tensor
    c2: Tensor
    deviation: Tensor

    def __init__(self, steps: int = 8) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"a schedule of {steps} steps; give at least 1")
        self.steps = steps
        tau = EPSILON + (1 - EPSILON) * torch.arange(steps + 1, dtype=torch.float64) / steps
        log_signal = -0.5 * (BETA_MAX - BETA_MIN) * tau**2 - BETA_MIN * tau
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

    def previous(self, x: Tensor, x0: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """A draw from q(x_t-1 | x_t = x, x_0 = x0), or its mean without noise; at t = 1 that is `x0` bit for bit."""
        mean = _over(self.c1[t], x) * x0 + _over(self.c2[t], x) * x
        return mean if noise is None else mean + _over(self.deviation[t], x) * noise


def _over(values: Tensor, images: Tensor) -> Tensor:
    """`()` as it is, `(n,)` so that it multiplies images `(n, …)`."""
    return values.reshape(values.shape + (1,) * (images.ndim - 1)) if values.ndim else values
