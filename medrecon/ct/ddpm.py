"""`ddpm`: draws from a conditional diffusion model in pixels, what latent cold diffusion is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.ct.method import check_at_least_one, part_of
from medrecon.ct.restoring import Batch, Restoring, at_once
from medrecon.ct.tiled_prior import TiledPrior
from medrecon.ct.units import HIGHEST, HU, LOWEST
from medrecon.diffusion.datasteps.unchanged import Unchanged
from medrecon.diffusion.discrete import Discrete, discrete_levels
from medrecon.diffusion.integrators import DDIM
from medrecon.diffusion.integrators.ancestral import Ancestral
from medrecon.diffusion.sampler import Sampler
from medrecon.diffusion.streams import Streams
from medrecon.errors import InputError
from medrecon.networks.ct.ddpm import CtDdpm
from medrecon.networks.ct.load import DDPM, CtPrior
from medrecon.progress import OnStep

CASE = "ct"
"""The streams' name of the scan: draws depend on the seed and the number of the slice."""
BOUNDS = LOWEST / HU, HIGHEST / HU
"""Estimates are clipped to what a network is shown, as those of DDPM are."""


@final
@dataclass(frozen=True)
class Ddpm(Restoring):
    """Noise to image with the low-dose scan as context (Ho et al. 2020), on all T steps or a subset (Song et al. 2021).

    steps : network calls a draw, at most T = 1000; even subsets of them below.
    samples : draws a slice, in antithetic pairs; the image is their mean.
    eta : share of ancestral sampling's fresh noise, 0 to 1; unless given 1 for all T steps (DDPM), 0 below (DDIM).
    """

    name: ClassVar[str] = "ddpm"
    default_prior: ClassVar[str | None] = "ct-ddpm"

    steps: int = 50
    samples: int = 1
    eta: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least_one(steps=self.steps, samples=self.samples)
        if self.eta is not None and not 0 <= self.eta <= 1:
            raise InputError(f"eta is {self.eta}; give a share of fresh noise from 0 to 1")

    @property
    def together(self) -> int:
        return max(1, self.batch // self.samples)

    def fits(self, prior: CtPrior) -> str | None:
        return None if prior.kind == DDPM else f"one of kind '{DDPM}'"

    def restore(self, batch: Batch, prior: TiledPrior, on_step: OnStep) -> tuple[Tensor, int]:
        path = _path(prior, batch.low)
        if self.steps >= len(path.signal):
            raise InputError(f"steps is {self.steps}; {prior.prior.name} has {len(path.signal) - 1}")
        size = at_once(self.batch, batch.low.device)
        groups = [range(k, min(k + size, self.samples)) for k in range(0, self.samples, size)]
        drawn = []
        for done, group in enumerate(groups):
            step = part_of(on_step, done, done + 1, len(groups))
            drawn.append(self._draw(batch, group, path, prior, step))
        return torch.cat(drawn), self.steps * self.samples

    def _draw(self, batch: Batch, group: range, path: Discrete, prior: TiledPrior, on_step: OnStep) -> Tensor:
        """`(sample, n, 1, y, x)` of the samples of `group`, all in one batch."""
        low = batch.low.repeat(len(group), 1, 1, 1)
        ids = [i for _ in group for i in batch.slice_ids]
        samples = [k for k in group for _ in batch.slice_ids]
        streams = Streams(batch.seed, CASE, ids, samples).to(low.device)
        height, width = low.shape[-2:]

        def noise(t: Tensor | int) -> Tensor:
            number = t.round().int() if isinstance(t, Tensor) else t
            return streams.normal(number, (height, width)).real[:, None]

        def clean(x: Tensor, t: Tensor) -> Tensor:
            number = (t - 1).expand(len(x))
            eps = prior.run(lambda noisy, seen: prior.prior.network(noisy, seen, number), x, low)
            return path.clean(x, eps, t).clamp(*BOUNDS)

        eta = self._eta(path)
        integrator = Ancestral(noise, eta) if eta > 0 else DDIM()
        sampler = Sampler(path, discrete_levels(path, self.steps).to(low), integrator, 0.0)
        image = sampler(noise(0), clean, Unchanged(), torch.zeros_like, on_step).image
        return image.unflatten(0, (len(group), -1))

    def _eta(self, path: Discrete) -> float:
        if self.eta is not None:
            return self.eta
        return 1.0 if self.steps == len(path.signal) - 1 else 0.0


def _path(prior: TiledPrior, like: Tensor) -> Discrete:
    network = prior.prior.network
    assert isinstance(network, CtDdpm)
    signal = network.options.signal()
    return Discrete(torch.cat([signal.new_ones(1), signal]).to(like.device))
