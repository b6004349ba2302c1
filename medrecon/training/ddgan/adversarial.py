"""The adversarial objective of a DDGAN: draws of x_t-1 given x_t against the true ones (Xiao et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from medrecon.networks.ddgan.schedule import Schedule
from medrecon.training.ddgan.losses import fooling_loss, r1_penalty, telling_loss
from medrecon.training.ddgan.options import ObjectiveOptions


@final
@dataclass(frozen=True, eq=False)
class Adversarial:
    """Losses of both networks on a batch of images.

    Attributes
    ----------
    generator, discriminator : as they are called; compiled ones, perhaps.
    plain : the discriminator for the penalty, whose second derivative no compiled network has.
    latent : length of z.
    autocast : makes the context of a forward pass; each has its own, so that weights cast without a gradient in one
        are not taken for those of the next.
    """

    generator: nn.Module
    discriminator: nn.Module
    plain: nn.Module
    schedule: Schedule
    latent: int
    options: ObjectiveOptions
    autocast: Callable[[], AbstractContextManager[object]]

    def telling(self, x0: Tensor, step: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """The discriminator's loss on images `(n, c, y, x)`, and R1 beside it, 0 but every `interval` steps."""
        t, before, after = self._pair(x0, random)
        with torch.no_grad():
            fake, _ = self._drawn(after, t, random)
        with self.autocast():
            real_logits = self.discriminator(before, after, t)
        with self.autocast():
            fake_logits = self.discriminator(fake, after, t)
        loss = telling_loss(real_logits, fake_logits)
        if step % self.options.interval or not self.options.r1:
            return loss, torch.zeros_like(loss)
        with self.autocast():
            penalty = r1_penalty(self.plain, before, after, t)
        return loss, self.options.r1 * penalty

    def fooling(self, x0: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """The generator's loss on images, with levels, noise and latents of its own, and the weighted L1 beside it."""
        t, _, after = self._pair(x0, random)
        fake, estimate = self._drawn(after, t, random)
        with self.autocast():
            logits = self.discriminator(fake, after, t)
        return fooling_loss(logits), self.options.l1 * self.schedule.in_answers(estimate - x0, t).abs().mean()

    def _pair(self, x0: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        t = levels(self.schedule, len(x0), random)
        before, after = self.schedule.pair(x0, _normal(x0, random), _normal(x0, random), t)
        return t, before, after

    def _drawn(self, after: Tensor, t: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """A draw of x_t-1, and the estimate of x_0 that it comes from."""
        z = torch.randn(len(after), self.latent, generator=random, device=after.device)
        with self.autocast():
            answer = self.generator(after, t, z)
        estimate = self.schedule.estimate(after, answer, t)
        return self.schedule.previous(after, estimate, t, _normal(after, random)), estimate


def levels(schedule: Schedule, n: int, random: torch.Generator) -> Tensor:
    """`(n,)` levels, uniform on 1 … T."""
    return torch.randint(1, schedule.steps + 1, (n,), generator=random, device=random.device)


def _normal(like: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=random, device=like.device)
