import dataclasses

import pytest
import torch

from medrecon.diffusion.path import VE, VP
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import NonFiniteError
from medrecon.errors import InputError
from medrecon.mri.dds import DDS
from medrecon.mri.deviation import local_deviation
from medrecon.problem import Problem

SHAPE, COILS, SLICES, V = (9, 10), 3, 3, 0.25


def gaussian_prior(path=None):
    """N(0, V) per real component, with its exact denoiser; counts its calls."""
    path = path or VE()
    calls = []

    def denoise(x, t):
        calls.append(len(x))
        level = t[..., None, None]
        return x / path.a(level) * V / (V + path.sigma(level) ** 2)

    return Prior(denoise, path, V, (0.002, 50.0)), calls


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(SLICES, COILS, *SHAPE, dtype=torch.complex64, generator=generator)
    maps /= maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, [0, 3, 4, 5, 8]] = True
    kspace = torch.randn(SLICES, COILS, *SHAPE, dtype=torch.complex64, generator=generator) * mask * 0.5
    ones, each = torch.ones(SLICES, *SHAPE), torch.ones(SLICES)
    return Problem(
        kspace, mask, maps, ones.bool(), 0.05 * each, 0.02 * each, None, 0.01 * each, 0.01 * each, ones, 1.0, ("x",),
        (9, 3), tuple(range(SLICES)),
    )  # fmt: skip


def exact_mean(problem):
    """(A^H A / s^2 + 1 / V)^-1 A^H y / s^2, from the dense normal matrix of each slice."""
    means = []
    for n in range(problem.n_slices):
        one = problem.select(slice(n, n + 1))
        basis = torch.eye(SHAPE[0] * SHAPE[1], dtype=torch.complex64).unflatten(1, (1, *SHAPE))
        normal = torch.stack([one.forward.gram(b).flatten() for b in basis], 1)
        s2 = one.data_sigma.item() ** 2
        matrix = normal / s2 + torch.eye(len(normal)) / V
        means.append(torch.linalg.solve(matrix, one.forward.H(one.kspace).flatten() / s2).unflatten(0, SHAPE))
    return torch.stack(means)


@pytest.mark.parametrize("draws", ["estimate", "posterior"])
def test_the_mean_of_samples_is_the_posterior_mean_of_a_gaussian(problem, draws):
    """Without the noise of few samples, their standard deviation over sqrt(samples): that cancels in a pair."""
    prior, _ = gaussian_prior()
    problem = problem.select(slice(1, 2))
    method = DDS(steps=20, cg=15, samples=2, draws=draws, integrator="dpmpp2m", amplitude=1.0, told=1.0)
    samples = method.solve(problem, prior=prior).samples
    independent = (samples.var(0, correction=0).mean() / 2).sqrt()
    error = (samples.mean(0) - exact_mean(problem)).abs().square().mean().sqrt()
    assert error < 0.1 * independent


@pytest.mark.parametrize("draws", ["estimate", "posterior"])
@pytest.mark.parametrize("path", [VE(), VP()])
def test_images_do_not_depend_on_what_else_is_drawn(problem, path, draws):
    """Bit-equal for any batch: slices one by one, samples more or fewer."""
    prior, _ = gaussian_prior(path)
    both = DDS(steps=5, samples=3, draws=draws).solve(problem, prior=prior, seed=3).samples
    assert torch.equal(DDS(steps=5, samples=1, draws=draws).solve(problem, prior=prior, seed=3).samples, both[:1])
    for n in range(SLICES):
        one = DDS(steps=5, samples=3, draws=draws).solve(problem.select(slice(n, n + 1)), prior=prior, seed=3)
        assert torch.equal(one.samples[:, 0], both[:, n])


def test_the_seed_decides(problem):
    prior, _ = gaussian_prior()
    images = [DDS(steps=3).solve(problem, prior=prior, seed=s).image for s in (0, 0, 1)]
    assert torch.equal(images[0], images[1])
    assert not torch.allclose(images[0], images[2])


@pytest.mark.parametrize(("integrator", "calls"), [("momentum", 4), ("ddim", 4), ("dpmpp2m", 4), ("heun", 7)])
def test_calls_are_those_that_the_network_saw(problem, integrator, calls):
    prior, seen = gaussian_prior()
    method = DDS(steps=4, samples=2, draws="estimate", integrator=integrator)
    solution = method.solve(problem, prior=prior)
    assert sum(seen) == 2 * calls * SLICES
    assert solution.calls == method.calls == 2 * calls


def test_a_single_step_works_and_progress_ends_at_the_total(problem):
    prior, _ = gaussian_prior()
    seen = []
    solution = DDS(steps=1, samples=2).solve(problem, prior=prior, on_step=seen.append)
    assert solution.image.isfinite().all()
    assert solution.samples.shape == (2, SLICES, *SHAPE)
    assert [p.done for p in seen] == list(range(1, 2 * SLICES + 1))
    assert seen[-1].total == seen[-1].done


def test_levels_stay_inside_the_prior(problem):
    prior, _ = gaussian_prior()
    narrow = dataclasses.replace(prior, levels=(0.1, 2.0))
    for options in (DDS(), DDS(start=100.0, end=1e-5), DDS(steps=1)):
        levels = options.sampler(problem, narrow).levels[:-1]
        assert levels.min() >= 0.1 - 1e-6
        assert levels.max() <= 2.0 + 1e-6


def test_each_slice_ends_at_its_own_noise(problem):
    prior, _ = gaussian_prior()
    noisier = dataclasses.replace(problem, noise=problem.noise * torch.tensor([1.0, 2.0, 3.0]))
    last = DDS().sampler(noisier, prior).levels[-2].flatten()
    assert torch.allclose(last, noisier.data_sigma, rtol=1e-4)


def test_non_finite_numbers_stop_with_the_last_finite_image(problem):
    prior, _ = gaussian_prior()

    def breaks(x, t):
        return prior.denoise(x, t) if t.flatten()[0] > 0.2 else torch.full_like(x, torch.nan)

    with pytest.raises(NonFiniteError, match="NaN or infinity by step") as error:
        DDS(steps=20).solve(problem, prior=dataclasses.replace(prior, denoise=breaks))
    assert isinstance(error.value, InputError)
    assert "\n" not in str(error.value)
    assert error.value.image.isfinite().all()
    assert error.value.image.abs().max() > 0


@pytest.mark.parametrize(
    "options",
    [{"steps": 0}, {"samples": 0}, {"cg": 0}, {"batch": 0}, {"eta": 1.5}, {"eta": float("nan")}, {"start": -1.0},
     {"end": 0.0}, {"rho": 0.0}, {"amplitude": 1.5}, {"momentum": 1.0}, {"told": 0.0}, {"told": 1.5},
     {"draws": "all"}, {"integrator": "euler"}],
)  # fmt: skip
def test_options_out_of_range_are_one_clear_line(problem, options):
    prior, calls = gaussian_prior()
    with pytest.raises(InputError) as error:
        DDS(**options).solve(problem, prior=prior)
    assert next(iter(options)) in str(error.value)
    assert "\n" not in str(error.value)
    assert not calls


def test_no_prior_is_an_error(problem):
    with pytest.raises(InputError, match="needs a prior"):
        DDS().solve(problem)


def test_the_spread_of_draws_is_scaled_by_the_temperature_of_the_prior(problem):
    """Of draws alone: the spread of estimates is no measure of anything. None is called a posterior's."""
    prior = dataclasses.replace(gaussian_prior()[0], temperature=1.3)
    for draws, factor in (("posterior", 1.3), ("estimate", 1.0)):
        solution = DDS(steps=4, samples=2, draws=draws).solve(problem, prior=prior)
        assert torch.allclose(solution.std, factor * local_deviation(solution.samples.abs()))
        assert solution.spread == "spread, not calibrated"


def test_one_sample_is_an_estimate_and_several_are_draws(problem):
    prior, _ = gaussian_prior()
    images = {
        (n, draws): DDS(samples=n, draws=draws).solve(problem, prior=prior).samples[0]
        for n in (1, 2) for draws in (None, "estimate", "posterior")
    }  # fmt: skip
    assert torch.equal(images[1, None], images[1, "estimate"])
    assert torch.equal(images[2, None], images[2, "posterior"])
    assert not torch.allclose(images[1, None], images[2, None])
    assert (DDS().calls, DDS(samples=2).calls) == (20, 100)


def test_the_network_is_told_less_than_the_level_of_an_estimate_and_all_of_a_draw_s(problem):
    prior, _ = gaussian_prior()
    told = DDS(steps=3, told=0.6).sampler(problem, prior).told
    assert told is not None
    assert told.tolist() == pytest.approx([1.0, 0.8, 0.6])
    assert DDS(told=1.0).sampler(problem, prior).told is None
    assert DDS(samples=2).sampler(problem, prior).told is None


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("draws", ["estimate", "posterior"])
@pytest.mark.parametrize("batch", [1, 2, 16])
def test_cuda_draws_the_same_samples_in_any_batch(problem, batch, draws):
    prior, _ = gaussian_prior()
    expected = DDS(steps=6, samples=3, draws=draws).solve(problem, prior=prior, seed=2).samples
    images = DDS(steps=6, samples=3, draws=draws, batch=batch).solve(problem.to("cuda"), prior=prior, seed=2).samples
    assert (images.cpu() - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("batch", [1, 2, 4, 16])
@pytest.mark.parametrize("draws", ["estimate", "posterior"])
def test_batches_of_a_gpu_give_the_same_samples(problem, batch, draws, monkeypatch):
    """The arithmetic of batches, on the CPU: the rule that one image goes at a time is switched off."""
    prior, _ = gaussian_prior()
    expected = DDS(steps=6, samples=3, draws=draws).solve(problem, prior=prior, seed=2)
    monkeypatch.setattr("medrecon.mri.drawing.images_together", lambda batch, device: batch)
    solution = DDS(steps=6, samples=3, draws=draws, batch=batch).solve(problem, prior=prior, seed=2)
    assert torch.allclose(solution.samples, expected.samples, atol=1e-5)
    assert solution.calls == expected.calls
