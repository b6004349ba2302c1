"""The published forms as methods: what leaks and what does not, divergence, batches, options (S6, S11, S13, H7, T5)."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from phantom import gaussian
from problems import make_problem

from medrecon.calibration.spirit_kernel import spirit_kernel
from medrecon.diffusion.path import VP
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.rescaled import rescaled
from medrecon.diffusion.sampler import NonFiniteError
from medrecon.errors import InputError
from medrecon.mri.hfs_paper import HfsPaper
from medrecon.mri.hfs_released import HfsReleased
from medrecon.mri.low_band import high_pass, sense_low_band
from medrecon.mri.published import units
from medrecon.mri.spirit_paper import SpiritPaper
from medrecon.operators import Mask, SelfConsistency, fft2c, ifft2c
from medrecon.operators.spirit import spirit_matrices
from medrecon.optimisation.conjugate_gradient import conjugate_gradient

V = 0.05
METHODS = [HfsPaper(steps=30), HfsReleased(steps=30), SpiritPaper(steps=30)]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)


def band_prior(leak=0.0):
    def of_band(fractions):
        def estimate(high, low, sigma):
            return high * V / (V + sigma[..., None, None] ** 2) + leak * low

        return estimate, V

    return Prior(lambda x, t: x, VP(), V, (0.001, 5.0), "band", of_band=of_band)


def prior_of(method):
    return gaussian(V) if isinstance(method, SpiritPaper) else band_prior()


def problem_with_kernel(n_slices=1, shape=(24, 27), dtype=torch.complex64, accel=3):
    """`make_problem` with the kernel that its exact maps and full k-space have."""
    problem, truth = make_problem(n_slices, shape=shape, noise=1e-3, dtype=dtype, accel=accel)
    full = fft2c(problem.coils(truth))
    return dataclasses.replace(problem, kernel=spirit_kernel(full, shape, width=5)), truth


def low_error(image, problem):
    high = high_pass(problem)
    known = sense_low_band(problem, high)
    return ((image - high(image) - known).norm() / known.norm()).item()


def test_the_published_form_keeps_the_low_band_and_the_released_one_leaks():
    """The network's word on low frequencies moves the released sampler alone; its data and start leak as well."""
    problem, _ = make_problem(1)
    options = {"steps": 30, "predictor_weight": 0.0, "corrector_weight": 0.0}
    assert low_error(HfsPaper(steps=30).solve(problem, prior=band_prior(0.05)).image, problem) < 1e-5
    released, silent = (HfsReleased(**options).solve(problem, prior=band_prior(leak)).image for leak in (0.05, 0.0))
    assert low_error(silent, problem) < 0.1  # the start's own error
    assert low_error(released, problem) > 0.2
    guided = HfsReleased(steps=30, corrector_weight=1.0).solve(problem, prior=band_prior()).image
    high = high_pass(problem)
    moved = guided - silent - high(guided - silent)
    assert moved.norm() > 3e-3 * sense_low_band(problem, high).norm()


def test_seeds_change_the_low_band_of_the_released_form_alone():
    problem, _ = make_problem(1)
    spread = {}
    for kind in (HfsPaper, HfsReleased):
        images = torch.stack([kind(steps=30).solve(problem, prior=band_prior(), seed=s).image for s in range(3)])
        low = images - high_pass(problem)(images)
        spread[kind] = (low.var(0).sum() / low[0].abs().square().sum()).item()
    assert spread[HfsPaper] < 1e-10
    assert spread[HfsReleased] > 1e-6


@each_method
def test_calls_are_two_a_step_and_images_do_not_depend_on_the_batch(method, monkeypatch):
    problem, _ = problem_with_kernel(2)
    prior, seen = prior_of(method), []
    both = method.solve(problem, prior=prior, seed=3, on_step=seen.append)
    assert both.calls == method.calls == 60
    assert seen[-1].done == seen[-1].total == 60
    one = method.solve(problem.select(slice(1, 2)), prior=prior, seed=3)
    assert torch.equal(one.image[0], both.image[1])
    assert not torch.allclose(method.solve(problem, prior=prior, seed=4).image, both.image)
    monkeypatch.setattr("medrecon.mri.published.images_together", lambda batch, device: batch)
    together = method.solve(problem, prior=prior, seed=3).image
    assert torch.allclose(together, both.image, atol=1e-4 * both.image.abs().max())
    several = dataclasses.replace(method, samples=2).solve(problem, prior=prior, seed=3)
    assert several.samples.shape == (2, *problem.image_shape)
    assert several.calls == 120


@each_method
def test_divergence_is_one_line_with_the_last_finite_image(method):
    problem, _ = problem_with_kernel(1)
    wild = dataclasses.replace(method, predictor_weight=1e3)
    with pytest.raises(NonFiniteError, match=f"{method.name} diverged by step") as error:
        wild.solve(problem, prior=prior_of(method))
    assert "\n" not in str(error.value)
    assert error.value.image.isfinite().all()
    assert error.value.image.abs().max() > 0


def test_with_the_network_silent_the_chain_of_spirit_is_gradient_spirit():
    """Specification S11: x - eta / 2 Psi x and replaced samples come to what conjugate gradients find."""
    problem, _ = problem_with_kernel(1, (20, 21), torch.complex128, accel=1.3)
    psi, keep = SelfConsistency(spirit_matrices(problem.kernel, (20, 21))), Mask(~problem.mask)

    def gram(k):
        return keep(fft2c(psi(ifft2c(keep(k)))))

    x, residuals = ifft2c(problem.kspace), []
    for _ in range(2000):
        x = ifft2c(keep(fft2c(x - 0.9 / 2 * psi(x))) + problem.kspace)
        residuals.append(float((x.conj() * psi(x)).real.sum()))
    assert all(later <= sooner + 1e-12 * residuals[0] for sooner, later in pairwise(residuals))
    found = conjugate_gradient(gram, -keep(fft2c(psi(ifft2c(problem.kspace)))), None, 400)
    expected = problem.coils.H(ifft2c(found + problem.kspace))
    zero_filled = problem.coils.H(ifft2c(problem.kspace))
    assert (problem.coils.H(x) - expected).norm() < 0.01 * expected.norm()
    assert (zero_filled - expected).norm() > 0.1 * expected.norm()


def test_an_eta_beyond_stability_is_refused():
    problem, _ = problem_with_kernel(1)
    largest = torch.linalg.eigvalsh(spirit_matrices(problem.kernel, (24, 27)).permute(0, 3, 4, 1, 2)).max().item()
    with pytest.raises(InputError, match="the drift grows; give an eta below"):
        SpiritPaper(steps=2, eta=4.01 / largest).solve(problem, prior=gaussian(V))
    assert SpiritPaper(steps=2, eta=3.9 / largest).solve(problem, prior=gaussian(V)).image.isfinite().all()


def test_a_single_coil_has_no_kernel_and_no_drift():
    problem, _ = make_problem(1, coils=1)
    assert SpiritPaper(steps=3).solve(problem, prior=gaussian(V)).image.isfinite().all()


@pytest.mark.parametrize("width", [0, None])
def test_with_all_lines_a_large_weight_comes_to_the_fully_sampled_image(width):
    """Specification H9; width 0 with an image prior is VP with predictor and corrector."""
    problem, truth = make_problem(1, accel=1, noise=1e-3)
    prior = gaussian(0.1) if width == 0 else band_prior()
    options = {"steps": 200, "width": width, "snr": 0.02}
    found = [
        HfsPaper(**options, predictor_weight=w, corrector_weight=w).solve(problem, prior=prior).image
        for w in (2.5, 10.0)
    ]
    errors = [((image - truth).norm() / truth.norm()).item() for image in found]
    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < 0.2


def test_a_prior_of_the_high_band_needs_a_low_one():
    problem, _ = make_problem(1)
    with pytest.raises(InputError, match="band knows the high band alone, and there is no low one"):
        HfsPaper(steps=2, width=0).solve(problem, prior=band_prior())


@each_method
@pytest.mark.parametrize(
    "options",
    [{"steps": 0}, {"samples": 0}, {"batch": 0}, {"snr": -0.1}, {"predictor_weight": float("nan")},
     {"corrector_weight": float("inf")}],
)  # fmt: skip
def test_options_out_of_range_are_one_line(method, options):
    with pytest.raises(InputError, match=next(iter(options))):
        dataclasses.replace(method, **options)


@each_method
def test_no_prior_is_an_error(method):
    problem, _ = make_problem(1)
    with pytest.raises(InputError, match="needs a prior"):
        method.solve(problem)


@pytest.mark.parametrize(("options", "words"), [({"eta": -1.0}, "eta is"), ({"sigma_min": 400.0}, "sigma from")])
def test_options_of_spirit_out_of_range_are_one_line(options, words):
    with pytest.raises(InputError, match=words):
        SpiritPaper(**options)


@each_method
def test_images_follow_the_units_of_the_data(method):
    """Ten times the data, noise and prior: ten times the image, since the chain runs in units of its own."""
    problem, _ = problem_with_kernel(1)
    larger = dataclasses.replace(
        problem, kspace=10 * problem.kspace, noise=10 * problem.noise, model_error=10 * problem.model_error
    )
    unit = torch.full((1, 1, 1), 10.0)
    image, prior = method.solve(problem, prior=prior_of(method)).image, rescaled(prior_of(method), unit)
    assert torch.allclose(method.solve(larger, prior=prior).image, 10 * image, atol=1e-3 * image.abs().max() * 10)


def test_units_are_those_of_the_released_normalisation():
    """K / (1.5 std(k)) of fully sampled k-space, to the share of its energy that the centre holds."""
    problem, truth = make_problem(2, coils=8, shape=(64, 61), noise=1e-4)
    full = fft2c(problem.coils(truth))
    exact = 1 / (1.5 * full.abs().square().mean((1, 2, 3)).sqrt())
    assert torch.allclose(units(problem), exact, rtol=0.1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_method
@pytest.mark.parametrize("batch", [1, 16])
def test_cuda_gives_the_same_images_in_any_batch(method, batch):
    problem, _ = problem_with_kernel(2)
    expected = method.solve(problem, prior=prior_of(method), seed=2).image
    one = dataclasses.replace(method, batch=batch)
    image = one.solve(problem.to("cuda"), prior=prior_of(method), seed=2).image
    assert (image.cpu() - expected).norm() < 1e-2 * expected.norm()
