"""Losses of a GAN: non-saturating, with the gradient penalty R1 (Goodfellow et al. 2014; Mescheder et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def fooling_loss(fake: Tensor) -> Tensor:
    """The generator's: mean softplus(-D) of the logits `(n,)` of its draws."""
    return F.softplus(-fake).mean()


def telling_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's: mean softplus(-D(real)) + softplus(D(fake)); 2 ln 2 where it cannot tell."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def r1_penalty(discriminator: nn.Module, before: Tensor, after: Tensor, t: Tensor) -> Tensor:
    """Half the mean squared norm of the gradient of D at real images, with respect to x_t-1 alone; differentiable."""
    shown = before.detach().requires_grad_()
    logits = discriminator(shown, after, t)
    (gradient,) = torch.autograd.grad(logits.sum(), shown, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(1).mean()
