"""Samplers against exact posteriors through a real multi-coil operator (evaluation.md, "Is it a posterior?")."""

from dataclasses import replace

import pytest
import torch

from medrecon.diffusion.annealing import CG, Annealing
from medrecon.diffusion.datasteps import Hard, NoiseWeighted, NullSpace, SelfConsistent
from medrecon.diffusion.fixtures import (
    DECADES,
    KINDS,
    SHAPE,
    Fixture,
    as_problem,
    band,
    band_prior,
    banded,
    consistent,
    high_band,
    weighted,
)
from medrecon.diffusion.grids import Karras
from medrecon.diffusion.integrators import DDIM, DPMpp2M
from medrecon.diffusion.sampler import Sampler


def ratios(gm, make_step, sigma, *, integrator, eta, steps, history=None):
    fixture = Fixture(gm, sigma, torch.Generator().manual_seed(0))
    prior, problem = gm.prior(), fixture.problem
    step = make_step(problem, prior.variance, 5)
    if history:
        step.history = history
    levels = Karras(20.0)(prior.path, 1.5 * prior.variance**0.5, sigma / 2, steps)

    def noise(_):
        return fixture.normal(1)[:, 0]

    x = step(fixture.empty(), levels[0]) + levels[0] * noise(0)
    return fixture.ratios(Sampler(prior.path, levels, integrator, eta)(x, prior.denoise, step, noise).image)


def annealed(gm, make_step, sigma, annealing, problems=24, samples=16, iterations=CG, prior=None):
    fixture = Fixture(gm, sigma, torch.Generator().manual_seed(0), problems, samples)
    prior = gm.prior() if prior is None else prior
    step = make_step(fixture.problem, prior.variance, iterations)
    return fixture.ratios(fixture.annealed(annealing, prior, step))


SIGMAS = pytest.mark.parametrize("sigma", [0.02, 0.1])


@SIGMAS
@pytest.mark.parametrize(("components", "kind"), [(1, "mild"), (1, "anisotropic"), (4, "mild")])
def test_second_order_with_fresh_noise_meets_the_criteria_of_a_posterior(components, kind, sigma, make_mixture):
    gm = make_mixture(SHAPE, components, DECADES[kind], components)
    r = ratios(gm, weighted, sigma, integrator=DPMpp2M(), eta=1.0, steps=50)
    assert r.bias <= 0.2
    assert 0.85 <= r.total <= 1.15
    assert r.measured >= 0.6


@SIGMAS
@pytest.mark.parametrize(("components", "kind"), [(1, "mild"), (1, "anisotropic"), (4, "mild"), (4, "anisotropic")])
def test_self_consistency_with_exact_maps_has_the_posterior_of_the_noise_weighted_step(
    components, kind, sigma, make_mixture
):
    """The very criteria, and the very numbers: coil images may not add a spread nor a bias of their own."""
    gm = make_mixture(SHAPE, components, DECADES[kind], components)
    ours, known = (ratios(gm, s, sigma, integrator=DPMpp2M(), eta=1.0, steps=50) for s in (consistent, weighted))
    if (components, kind) != (4, "anisotropic"):
        assert ours.bias <= 0.2
        assert 0.85 <= ours.total <= 1.15
        assert ours.measured >= 0.6
    assert ours.bias == pytest.approx(known.bias, abs=0.05)
    assert ours.total == pytest.approx(known.total, rel=0.05)
    assert ours.measured == pytest.approx(known.measured, rel=0.05)


@SIGMAS
@pytest.mark.parametrize("kind", DECADES)
def test_raw_history_costs_self_consistency_the_measured_variance_too(kind, sigma, make_mixture):
    """Settles `SelfConsistent.history`."""
    gm = make_mixture(SHAPE, 4, DECADES[kind], 4)
    conditional, raw = (
        ratios(gm, consistent, sigma, integrator=DDIM(), eta=0.0, steps=20, history=h) for h in ("conditional", "raw")
    )
    assert SelfConsistent.history == "conditional"
    assert conditional.measured >= 0.6
    assert raw.measured < 0.3


@SIGMAS
def test_a_strongly_anisotropic_mixture_is_why_second_order_alone_is_not_called_posterior(sigma, make_mixture):
    """Just outside the criteria there, at 50 steps: close enough to be useful, not to be promised."""
    r = ratios(make_mixture(SHAPE, 4, 2.0, 4), weighted, sigma, integrator=DPMpp2M(), eta=1.0, steps=50)
    assert r.bias < 0.4
    assert 0.85 < r.total < 1.7
    assert 0.85 < r.measured < 1.3


@SIGMAS
def test_first_order_with_fresh_noise_tends_to_the_mean(sigma, make_mixture):
    """Why the default gives the best single images: small bias, and too little spread to call it a sample."""
    r = ratios(make_mixture(SHAPE, 4, 0.5, 4), weighted, sigma, integrator=DDIM(), eta=1.0, steps=50)
    assert r.bias < 0.3
    assert r.total < 0.75


@SIGMAS
@pytest.mark.parametrize("kind", DECADES)
@pytest.mark.parametrize("steps", [20, 50])
def test_conditional_history_keeps_the_measured_variance_and_raw_loses_it(kind, sigma, steps, make_mixture):
    """Settles `NoiseWeighted.history`: the ODE with raw directions tightens the data fit step by step."""
    gm = make_mixture(SHAPE, 4, DECADES[kind], 4)
    conditional, raw = (
        ratios(gm, weighted, sigma, integrator=DDIM(), eta=0.0, steps=steps, history=h) for h in ("conditional", "raw")
    )
    assert NoiseWeighted.history == "conditional"
    assert conditional.measured >= 0.6
    assert raw.measured < 0.3


def test_raw_history_keeps_hard_replacement_closer_to_the_posterior(make_mixture):
    """Settles `Hard.history` and `NullSpace.history`; both copy the noise, so that neither is a posterior."""
    gm = make_mixture(SHAPE, 4, 0.5, 4)
    for make in (lambda p, *_: Hard(p), lambda p, *_: NullSpace(p, 30)):
        conditional, raw = (
            ratios(gm, make, 0.02, integrator=DDIM(), eta=0.0, steps=20, history=h) for h in ("conditional", "raw")
        )
        assert make(as_problem(torch.zeros(1, 2, *SHAPE, dtype=torch.complex128), 0.1)).history == "raw"
        assert raw.bias < conditional.bias
        assert raw.bias > 0.2


def test_hard_data_are_kept_exactly(make_mixture):
    r = ratios(make_mixture(SHAPE, 1, 0.5, 1), lambda p, *_: NullSpace(p, 60), 0.1, integrator=DDIM(), eta=1.0, steps=8)
    assert r.residual < 1e-12


@SIGMAS
@pytest.mark.parametrize(("components", "kind"), KINDS)
@pytest.mark.parametrize("make_step", [weighted, consistent])
def test_annealed_draws_meet_the_criteria_on_the_mixtures_they_were_tuned_on(
    make_step, components, kind, sigma, make_mixture
):
    """Bias <= 0.2, total variance 0.85-1.15, measured >= 0.6, and more than asked for where data determine."""
    r = annealed(make_mixture(SHAPE, components, DECADES[kind], components), make_step, sigma, Annealing())
    assert r.posterior
    assert 0.9 < r.measured < 1.1
    assert 0.9 < r.residual < 1.1


@SIGMAS
@pytest.mark.parametrize(("components", "kind"), KINDS)
def test_annealed_draws_of_the_high_band_meet_the_criteria_where_the_low_band_is_known(
    components, kind, sigma, make_mixture
):
    gm = banded(make_mixture(SHAPE, components, DECADES[kind], components))
    low = gm.sample(4, torch.Generator().manual_seed(0))
    assert (low - band()(low)).abs().max() < 1e-5
    r = annealed(gm, high_band, sigma, Annealing(), prior=band_prior(gm))
    assert r.posterior
    assert 0.9 < r.measured < 1.1


@SIGMAS
@pytest.mark.parametrize(("components", "kind"), KINDS[:3])
def test_annealed_draws_meet_the_criteria_on_fresh_mixtures_of_three_kinds(components, kind, sigma, make_mixture):
    assert annealed(make_mixture(SHAPE, components, DECADES[kind], 103), weighted, sigma, Annealing()).posterior


def test_fresh_strongly_anisotropic_mixtures_are_the_limit(make_mixture):
    """Several components, two decades, much noise: not promised. Where data determine, draws are right even here."""
    r = annealed(make_mixture(SHAPE, 4, DECADES["anisotropic"], 104), weighted, 0.1, Annealing(), 48)
    assert not r.posterior
    assert r.bias < 0.6
    assert 0.85 < r.total < 1.5
    assert 0.9 < r.measured < 1.1


def test_over_relaxation_saves_half_of_the_levels(make_mixture):
    """The hardest fixture: a random walk from level to level crosses between the components too slowly."""
    gm = make_mixture(SHAPE, 4, DECADES["anisotropic"], 4)
    relaxed = annealed(gm, weighted, 0.1, Annealing(steps=25), 48)
    walking = annealed(gm, weighted, 0.1, Annealing(steps=25, relaxation=0.0), 48)
    assert relaxed.bias < walking.bias - 0.03
    assert abs(relaxed.total - 1) < abs(walking.total - 1)


def test_five_iterations_are_too_few_for_a_draw(make_mixture):
    gm = make_mixture(SHAPE, 1, DECADES["mild"], 1)
    few, enough = (annealed(gm, weighted, 0.02, Annealing(), iterations=n) for n in (5, CG))
    assert few.measured > 1.08
    assert enough.measured < 1.05


def test_without_a_measured_error_draws_are_too_wide_rather_than_too_narrow(make_mixture):
    gm = make_mixture(SHAPE, 4, DECADES["anisotropic"], 4)
    measured, bound = gm.prior(), replace(gm.prior(), error=None)
    levels = torch.logspace(-2, 0, 9, dtype=torch.float64)
    assert (measured.spread(levels) < 1.02 * bound.spread(levels)).all()
    known, unknown = (annealed(gm, weighted, 0.02, Annealing(), prior=p) for p in (measured, bound))
    assert unknown.total > known.total + 0.05
