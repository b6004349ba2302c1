"""Stages 1 and 3: the invariants 4 and 6-8 of specification A.15."""

import pytest
import torch
from properties import noise

from medrecon.diffusion.adaptation.descent import Descent
from medrecon.diffusion.adaptation.draws import OF_STAGE, Draws
from medrecon.diffusion.adaptation.generation import Generation
from medrecon.diffusion.adaptation.refinement import Refinement
from medrecon.diffusion.datasteps import Hard, NoiseWeighted
from medrecon.diffusion.streams import Streams
from medrecon.networks.ddgan import Schedule
from medrecon.operators import Coils, Fourier, Mask
from medrecon.problem import Problem

SHAPE, N = (12, 14), 2


def problem(coils=3, sampled=None, sigma=0.0):
    """Noise-free unless `sigma`, of an image that comes with it; every column, or those of `sampled`."""
    maps = noise(N, coils, *SHAPE, dtype=torch.complex64)
    maps = maps / maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, range(SHAPE[1]) if sampled is None else sampled] = True
    truth, each = noise(N, *SHAPE, seed=5, dtype=torch.complex64), torch.ones(N)
    kspace = (Mask(mask) @ Fourier(tuple(maps.shape)) @ Coils(maps))(truth)
    ones = torch.ones(N, *SHAPE)
    made = Problem(
        kspace, mask, maps, ones.bool(), sigma * each, 0 * each, None, 0.01 * each, 0.01 * each, ones, 1.0, ("x",),
        (SHAPE[0], 4), (3, 4),
    )  # fmt: skip
    return made, truth


class Prior:
    """The schedule at a scale of one."""

    def __init__(self):
        self.schedule = Schedule(8)
        self.noised, self.previous = self.schedule.noised, self.schedule.previous

    def sigma(self, t):
        kept = self.schedule.signal[t]
        return ((1 - kept) / kept).sqrt()


def draws(stage=0, sample=0):
    return Draws(Streams(0, "case", (3, 4), [sample] * N), stage, SHAPE, 5)


@pytest.mark.parametrize("level", [1, 3, 8])
@pytest.mark.parametrize("kind", [Hard, lambda p: NoiseWeighted(p, 1.0, 5)])
def test_stage_1_returns_what_a_perfect_generator_knows(level, kind):
    """Invariants 4 and 7: from any start, and the data step leaves the truth where it is."""
    found, truth = problem(sampled=[0, 4, 5, 6, 7, 8, 11], sigma=1e-3)
    prior, told = Prior(), []
    descent = Descent(prior, prior.sigma, kind(found))
    start = noise(N, *SHAPE, seed=9, dtype=torch.complex64)
    landed = Generation(descent, level)(start, lambda x, t, z: truth, draws(), told.append)
    assert torch.allclose(landed.image, truth, atol=1e-5)
    assert [(p.done, p.total) for p in told] == [(i + 1, level) for i in range(level)]


@pytest.mark.parametrize("noisy", [True, False])
def test_with_all_samples_every_stage_returns_the_reference(noisy):
    """Invariant 8, whatever the generator says."""
    found, truth = problem()
    prior = Prior()
    descent = Descent(prior, prior.sigma, Hard(found), noisy)

    def nonsense(x, t, z):
        return 3 * x + z.sum()

    generated = Generation(descent, 8)(torch.zeros_like(truth), nonsense, draws()).image
    refined = Refinement(descent, 2)(generated, nonsense, draws(1))
    for image in (generated, refined):
        assert torch.allclose(image, truth, atol=1e-4)


def test_hard_step_of_one_coil_is_a_projection_on_the_data():
    """Invariant 6: idempotent, and M F of it is the data."""
    found, _ = problem(coils=1, sampled=[2, 5, 6, 7, 8, 12])
    step, sigma = Hard(found), torch.tensor(1.0)
    once = step(noise(N, *SHAPE, seed=2, dtype=torch.complex64), sigma)
    assert torch.allclose(step(once, sigma), once, atol=1e-5)
    assert torch.allclose(found.forward(once), found.kspace, atol=1e-5)


def test_magnitude_of_the_hard_step_leaves_a_non_negative_image_as_it_is():
    """Invariant 7 for AdaDiff's magnitude images x = 2 u - 1 in [-1, 1]: DC_mag(x) = 2 |DC(u)| - 1."""
    found, _ = problem(coils=1, sampled=[2, 5, 6, 7, 8, 12])
    u = noise(N, *SHAPE, seed=2, dtype=torch.complex64).abs() + 0j
    step = Hard(found.with_kspace(found.forward(u), found.mask))
    assert torch.allclose(2 * step(u, torch.tensor(1.0)).abs() - 1, 2 * u.real - 1, atol=1e-5)


def test_hard_step_of_several_coils_is_one_landweber_step():
    found, _ = problem(sampled=[2, 5, 6, 7, 8, 12])
    x = noise(N, *SHAPE, seed=2, dtype=torch.complex64)
    expected = x + found.forward.H(found.kspace - found.forward(x))
    assert torch.allclose(Hard(found)(x, torch.tensor(1.0)), expected, atol=1e-5)


def test_noise_weighted_step_of_a_full_scan_tends_to_the_adjoint():
    """Invariant 6: lambda to 0, the weight of the prior against the data's."""
    found, _ = problem(sigma=1e-5)
    x = NoiseWeighted(found, 1.0, 5)(torch.zeros(N, *SHAPE, dtype=torch.complex64), torch.tensor(10.0))
    assert torch.allclose(x, found.forward.H(found.kspace), atol=1e-5)


def test_the_last_step_is_the_data_step_of_the_last_estimate():
    """Invariant 2: k = 0 adds neither state nor noise."""
    found, _ = problem(sampled=[2, 5, 6, 7, 8, 12])
    prior = Prior()
    landed = Descent(prior, prior.sigma, Hard(found))(
        noise(N, *SHAPE, dtype=torch.complex64), 3, lambda x, t, z: 0.5 * x, draws(), "x"
    )
    assert torch.equal(landed.image, Hard(found)(landed.estimate, torch.tensor(1.0)))
    assert torch.equal(landed.estimate, 0.5 * landed.state)


def test_refinement_without_a_last_step_says_what_the_network_does():
    found, truth = problem(sampled=[2, 5, 6, 7, 8, 12])
    prior = Prior()
    raw = Refinement(Descent(prior, prior.sigma, Hard(found)), 1, final=False)(truth, lambda x, t, z: 0 * x, draws(1))
    assert torch.equal(raw, torch.zeros_like(raw))


def test_deterministic_refinement_draws_no_noise():
    found, truth = problem(sampled=[2, 5, 6, 7, 8, 12])
    prior = Prior()
    refinement = Refinement(Descent(prior, prior.sigma, Hard(found), noisy=False), 2)
    images = [refinement(truth, lambda x, t, z: 0.3 * x, draws(1, run)) for run in (0, 2)]
    assert torch.equal(*images)


def test_draws_of_stages_and_levels_are_apart_and_belong_to_the_slice():
    first, second = draws(0), draws(1)
    levels = [first.noise(0), first.noise(1), second.noise(0), first.noise(OF_STAGE - 1)]
    assert all(not torch.equal(a, b) for i, a in enumerate(levels) for b in levels[:i])
    assert first.latent(1).shape == (N, 5)
    alone = Draws(Streams(0, "case", (4,), [0]), 0, SHAPE, 5)
    assert torch.equal(alone.noise(1)[0], first.noise(1)[1])
    assert torch.equal(alone.latent(2)[0], first.latent(2)[1])
