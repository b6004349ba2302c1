"""Affine diffusion paths x_t = a(t) x0 + b(t) e: one abstraction for every sampler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor


@dataclass(frozen=True)
class AffinePath(ABC):
    """x_t = a(t) x0 + b(t) e with e standard normal per real component; sigma(t) = b(t) / a(t) rises with t.

    reaches_end : a is 0 at the last level, where the state holds nothing of the image.
    """

    reaches_end: ClassVar[bool] = False

    @abstractmethod
    def a(self, t: Tensor) -> Tensor:
        """Weight of the clean image."""

    @abstractmethod
    def b(self, t: Tensor) -> Tensor:
        """Weight of the noise."""

    @abstractmethod
    def level(self, sigma: Tensor) -> Tensor:
        """The t at which b/a equals `sigma`."""

    def sigma(self, t: Tensor) -> Tensor:
        return self.b(t) / self.a(t)

    def direction(self, x: Tensor, x0: Tensor, t: Tensor) -> Tensor:
        """The noise e = (x - a x0) / b."""
        return (x - self.a(t) * x0) / self.b(t)

    def clean(self, x: Tensor, e: Tensor, t: Tensor) -> Tensor:
        """The image x0 = (x - b e) / a."""
        return (x - self.b(t) * e) / self.a(t)


@final
@dataclass(frozen=True)
class VE(AffinePath):
    """Variance exploding in EDM's parametrisation: a = 1, b = t = sigma (Karras et al. 2022)."""

    def a(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def b(self, t: Tensor) -> Tensor:
        return t

    def level(self, sigma: Tensor) -> Tensor:
        return sigma


@final
@dataclass(frozen=True)
class VP(AffinePath):
    """Variance preserving with beta(t) = beta_min + t (beta_max - beta_min), t in [0, 1] (Song et al. 2021)."""

    beta_min: float = 0.1
    beta_max: float = 20.0

    def beta(self, t: Tensor) -> Tensor:
        """Rate of dx = -beta x / 2 dt + sqrt(beta) dw."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def log_a(self, t: Tensor) -> Tensor:
        return -0.25 * t**2 * (self.beta_max - self.beta_min) - 0.5 * t * self.beta_min

    def a(self, t: Tensor) -> Tensor:
        return self.log_a(t).exp()

    def b(self, t: Tensor) -> Tensor:
        return (-torch.expm1(2 * self.log_a(t))).sqrt()

    def level(self, sigma: Tensor) -> Tensor:
        # log a = -log(1 + sigma^2) / 2, then the positive root of the quadratic in t
        log_a, d = -0.5 * torch.log1p(sigma**2), self.beta_max - self.beta_min
        return ((0.25 * self.beta_min**2 - d * log_a).sqrt() - 0.5 * self.beta_min) / (0.5 * d)
