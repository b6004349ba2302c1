"""DDPM's numbered steps in the shared sampler: the published chain, step by step, and what it draws."""

import math

import pytest
import torch

from medrecon.diffusion.datasteps.unchanged import Unchanged
from medrecon.diffusion.discrete import Discrete, discrete_levels
from medrecon.diffusion.integrators import DDIM
from medrecon.diffusion.integrators.ancestral import Ancestral
from medrecon.diffusion.sampler import Sampler
from medrecon.networks.ct.ddpm import DdpmOptions


def path(steps=1000):
    signal = DdpmOptions(steps=steps).signal()
    return Discrete(torch.cat([signal.new_ones(1), signal]))


def test_ends_and_inverse():
    ddpm = path()
    numbers = torch.arange(1001, dtype=torch.float64)
    assert torch.allclose(ddpm.a(numbers) ** 2 + ddpm.b(numbers) ** 2, torch.ones_like(numbers))
    assert (ddpm.a(numbers[:1]), ddpm.b(numbers[:1])) == (1, 0)
    assert torch.equal(ddpm.level(ddpm.sigma(numbers)), numbers)
    assert ddpm.level(torch.tensor([1e9])) == 1000


@pytest.mark.parametrize("steps", [1, 2, 10, 50, 1000])
def test_subsets_run_from_the_last_step_to_the_first(steps):
    levels = discrete_levels(path(), steps)
    assert levels.shape == (steps + 1,)
    assert (levels[0], levels[-1]) == (1000, 0)
    assert bool((levels[:-1] > levels[1:]).all())
    if steps > 1:
        assert levels[-2] == 1


def test_all_steps_with_fresh_noise_are_the_chain_of_ho_et_al():
    """Eq. 7 and 6: posterior mean and variance, and at the last step the mean alone."""
    ddpm = path(6)
    generator = torch.Generator().manual_seed(0)
    start, *z = torch.randn(7, 2, 1, 3, 4, dtype=torch.float64, generator=generator)
    seen = []

    def denoise(x, t):
        seen.append(x)
        return torch.tanh(x)

    levels = discrete_levels(ddpm, 6)
    sampler = Sampler(ddpm, levels, Ancestral(lambda t: z[int(t) - 1]), 0.0)
    image = sampler(start, denoise, Unchanged(), torch.zeros_like).image
    betas = torch.linspace(1e-4, 0.02, 6, dtype=torch.float64)
    abar = torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas).cumprod(0)])
    x = start
    for t in range(6, 0, -1):
        assert torch.allclose(seen[6 - t], x, atol=1e-10)
        beta = betas[t - 1]
        mean = abar[t - 1].sqrt() * beta / (1 - abar[t]) * torch.tanh(x)
        mean = mean + (1 - beta).sqrt() * (1 - abar[t - 1]) / (1 - abar[t]) * x
        x = mean + ((1 - abar[t - 1]) / (1 - abar[t]) * beta).sqrt() * z[t - 1]
    assert torch.allclose(image, x, atol=1e-10)


@pytest.mark.parametrize(("steps", "eta", "off"), [(1000, 1, 0.02), (1000, 0, 0.02), (50, 0, 0.12), (50, 0.5, 0.12)])
def test_draws_have_the_variance_of_what_they_are_drawn_from(steps, eta, off):
    """Normal pixels of variance v, their exact denoiser; few steps of first order lose some."""
    ddpm, v = path(), 0.09
    generator = torch.Generator().manual_seed(1)

    def noise(t):
        return torch.randn(1, 1, 100, 100, generator=generator)

    def denoise(x, t):
        a, b = ddpm.a(t), ddpm.b(t)
        return a * v / (a**2 * v + b**2) * x

    integrator = Ancestral(noise, eta) if eta else DDIM()
    sampler = Sampler(ddpm, discrete_levels(ddpm, steps).float(), integrator, 0.0)
    image = sampler(noise(0), denoise, Unchanged(), torch.zeros_like).image
    assert float(image.std()) == pytest.approx(math.sqrt(v), rel=off)
