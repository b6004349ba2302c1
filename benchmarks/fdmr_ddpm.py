"""The 1000-step control: ancestral sampling from a diffusion prior, with our data step at every level."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.diffusion.datasteps import NoiseWeighted
from medrecon.diffusion.discrete import Discrete, discrete_levels
from medrecon.diffusion.grids import Karras
from medrecon.diffusion.integrators.ancestral import Ancestral
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Sampler
from medrecon.diffusion.streams import Streams
from medrecon.problem import Problem

RHO = 7.0


def ddpm(problem: Problem, prior: Prior, steps: int, seed: int, cg: int = 5) -> Tensor:
    """`(slice, y, x)` one sample a slice from the prior's highest level down, `steps` network calls (Ho et al. 2020).

    On a numbered path its own steps, evenly; on others as many levels as Karras et al. space them.
    """
    path, shape = prior.path, problem.image_shape[1:]
    if isinstance(path, Discrete):
        levels = discrete_levels(path, steps).to(problem.kspace.real)
    else:
        low, high = prior.levels
        levels = Karras(RHO)(path, high, low, steps).to(problem.kspace.real)
    streams = Streams(seed, problem.case, problem.slice_ids, [0] * problem.n_slices).to(problem.device)

    def noise(t: Tensor) -> Tensor:
        # numbered by the levels above t: on the device, so that the steps can be recorded
        return streams.normal((levels > t).sum().to(torch.int32) + 1, shape)

    data = NoiseWeighted(problem, prior.variance, cg)
    sampler = Sampler(path, levels, Ancestral(noise), eta=0.0)
    start = path.b(levels[0]) * streams.normal(0, shape)
    with torch.no_grad():
        return sampler(start, prior.denoise, data, lambda _: torch.zeros_like(start)).image
