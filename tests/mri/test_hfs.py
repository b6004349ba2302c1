"""`hfs`: the low band is known once and for all, the high band sampled (specification H7-H9; LF error and variance)."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from phantom import gaussian
from problems import make_problem

from medrecon.diffusion.datasteps import HighBand
from medrecon.diffusion.path import VE, VP
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri.dds import DDS
from medrecon.mri.hfs import HFS
from medrecon.mri.low_band import high_pass, sense_low_band
from medrecon.mri.sense import Sense
from medrecon.mri.tv_low_band import tv_low_band
from medrecon.operators import HighPass

V = 0.05


def low_part(x, high):
    return x - high(x)


def wild_prior(path=None):
    """What no one trained: answers noise on every frequency, of another kind at every level."""
    path = path or VP()

    def of_band(fractions):
        def estimate(high, low, sigma):
            return high.roll(1, -1) * (0.5 + sigma) + 3 * low.conj() + 0.3

        return estimate, V

    return Prior(lambda x, t: x, path, V, (0.001, 5.0), "wild", of_band=of_band)


def gaussian_band(path):
    """Independent high-frequency components of variance V: the exact denoiser."""

    def of_band(fractions):
        return (lambda high, low, sigma: high * V / (V + sigma[..., None, None] ** 2)), V

    return Prior(lambda x, t: x, path, V, (0.001, 5.0), "gaussian", of_band=of_band)


@pytest.mark.parametrize("axes", [("x",), ("y",), ("x", "y")])
def test_the_band_follows_the_phase_axes(axes):
    problem, _ = make_problem(1)
    problem = dataclasses.replace(problem, phase_axes=axes, acs=(7, 6))
    expected = {("x",): (1.0, 6 / 27), ("y",): (7 / 24, 1.0), ("x", "y"): (6 / 24, 6 / 27)}[axes]
    assert high_pass(problem).fractions.tolist() == pytest.approx(list(expected))
    assert high_pass(problem, 3).fractions.min() == pytest.approx(3 / 27 if "x" in axes else 3 / 24)
    with pytest.raises(InputError, match=r"a low band of 9 lines was asked for, but [67] are fully sampled"):
        high_pass(problem, 9)


def test_the_low_band_of_smooth_maps_is_right_to_one_and_a_half_per_cent():
    problem, truth = make_problem(2, coils=8, shape=(64, 61), noise=1e-4)
    high = high_pass(problem)
    low, exact = sense_low_band(problem, high), low_part(truth, high)
    assert (low - exact).norm() < 0.015 * exact.norm()
    assert high(low).norm() < 1e-5 * low.norm()
    # combining the centre's lines without a solve leaks through the maps (specification 2.5: 2-3 %)
    centre = torch.zeros_like(problem.mask)
    centre[:, 61 // 2 - 3 : 61 // 2 + 3] = True
    combined = problem.forward.H(problem.kspace * centre)
    assert (low_part(combined, high) - exact).norm() > 0.02 * exact.norm()


def test_air_where_maps_are_noise_stays_out_of_the_low_band():
    """Maps are defined everywhere, and in air they are arbitrary: one ridge for all pixels takes them at their word."""
    problem, truth = make_problem(2, coils=8, shape=(64, 61), noise=0.01)
    generator = torch.Generator().manual_seed(1)
    rough = torch.randn(problem.maps.shape, dtype=problem.maps.dtype, generator=generator)
    rough = rough / rough.abs().square().sum(1, keepdim=True).sqrt()
    wrong = dataclasses.replace(problem, maps=torch.where(truth.abs().unsqueeze(1) > 0, problem.maps, rough))
    high = high_pass(problem)
    exact = low_part(truth, high)
    right, air = ((sense_low_band(p, high) - exact).norm() / exact.norm() for p in (problem, wrong))
    centre = torch.zeros_like(problem.mask)
    centre[:, 61 // 2 - 3 : 61 // 2 + 3] = True
    inner = wrong.with_kspace(wrong.kspace * centre, centre)
    plain = Sense(weight=1e-3, iterations=30).solve(inner).image
    assert right < 0.015
    assert air < 0.4 * (low_part(plain, high) - exact).norm() / exact.norm()


def test_one_coil_has_an_exact_low_band():
    """Specification H8, to the little that the smallest noise level shrinks it."""
    problem, truth = make_problem(1, coils=1, noise=1e-6)
    flat = dataclasses.replace(problem, maps=torch.ones_like(problem.maps))
    flat = flat.with_kspace(flat.sampling(truth.unsqueeze(1)), flat.mask)
    high = high_pass(flat)
    exact = low_part(truth, high)
    assert (sense_low_band(flat, high) - exact).norm() < 1e-5 * exact.norm()


@pytest.mark.parametrize("width", [3, 6])
def test_total_variation_gives_the_low_band_of_smooth_maps_as_well(width):
    problem, truth = make_problem(2, coils=8, shape=(64, 61), noise=1e-4)
    high = high_pass(problem, width)
    low, exact = tv_low_band(problem, high), low_part(truth, high)
    assert (low - exact).norm() < 0.015 * exact.norm()
    assert high(low).norm() < 1e-5 * low.norm()
    assert torch.equal(low, tv_low_band(problem, high))


def test_half_of_the_centre_is_the_low_band():
    problem, _ = make_problem(1)
    lines = [HFS().lines(dataclasses.replace(problem, acs=(24, n))) for n in (0, 1, 6, 7, 40)]
    assert lines == [0, 1, 3, 4, 16]


@pytest.mark.parametrize("integrator", ["dpmpp2m", "momentum", "heun"])
@pytest.mark.parametrize("path", [VP(), VE()])
def test_the_low_band_is_the_same_for_every_seed_whatever_the_network_says(path, integrator):
    problem, _ = make_problem(2)
    high = high_pass(problem, HFS().lines(problem))
    method, prior = HFS(steps=6, integrator=integrator), wild_prior(path)
    images = torch.stack([method.solve(problem, prior=prior, seed=s).image for s in range(4)])
    low, known = low_part(images, high), tv_low_band(problem, high)
    energy = known.abs().square().sum()
    assert low.var(0).sum() < 1e-10 * energy
    assert (low[0] - known).abs().square().sum() < 1e-10 * energy
    assert images.var(0).sum() > 1e-6 * energy


def test_draws_of_the_posterior_leave_the_low_band_too():
    problem, _ = make_problem(1)
    high = high_pass(problem, HFS().lines(problem))
    samples = HFS(steps=6, samples=3).solve(problem, prior=gaussian_band(VP())).samples
    low = low_part(samples, high)
    assert low.var(0).sum() < 1e-10 * tv_low_band(problem, high).abs().square().sum()
    assert high(samples).var(0).sum() > 0


def exact_high_band(problem, high, low):
    """argmin over h = F_h h of |A (low + h) - y|^2 / s^2 + |h|^2 / V, from dense matrices."""
    n = problem.image_shape[1] * problem.image_shape[2]
    basis = torch.eye(n, dtype=torch.complex64).unflatten(1, (1, *problem.image_shape[1:]))
    one = HighPass(problem.image_shape[1:], round(float(high.fractions[1]) * problem.image_shape[2]), ("x",))
    normal = torch.stack([one(problem.forward.gram(one(b))).flatten() for b in basis], 1)
    s2 = problem.data_sigma.item() ** 2
    data = one(problem.forward.H(problem.kspace - problem.forward(low))).flatten()
    return low + torch.linalg.solve(normal / s2 + torch.eye(n) / V, data / s2).unflatten(0, problem.image_shape[1:])


def test_with_a_gaussian_prior_it_draws_the_posterior_of_the_high_band():
    """From an empty estimate that nothing is known of, the data step gives its mean; draws spread about it."""
    problem, _ = make_problem(1, shape=(9, 12), noise=0.05)
    high = high_pass(problem, HFS().lines(problem))
    low = tv_low_band(problem, high)
    exact = exact_high_band(problem, high, low)
    mean = HighBand(problem, high, low, V, 40)(0 * low, torch.tensor(1e4))
    assert (mean - exact).norm() < 1e-4 * exact.norm()
    samples = HFS(steps=20, cg=25, samples=24).solve(problem, prior=gaussian_band(VP())).samples
    expected = (samples.var(0).mean() / 24).sqrt()
    assert (samples.mean(0) - exact).abs().square().mean().sqrt() < 1.2 * expected
    assert expected < 0.7 * (exact - low).abs().square().mean().sqrt()


def test_with_all_lines_it_is_the_fully_sampled_image():
    """Specification H9: data decide."""
    problem, truth = make_problem(1, accel=1, noise=1e-3)
    image = HFS(steps=10, cg=20).solve(problem, prior=gaussian_band(VP())).image
    assert (image - truth).norm() < 0.02 * truth.norm()


def test_width_zero_is_diffusion_of_the_whole_image():
    problem, _ = make_problem(1)
    options = {"steps": 5, "start": 0.3}
    whole = HFS(width=0, **options).solve(problem, prior=gaussian(V)).image
    assert torch.allclose(whole, DDS(**options).solve(problem, prior=gaussian(V)).image, atol=1e-5)


def test_images_do_not_depend_on_what_else_is_reconstructed():
    problem, _ = make_problem(3)
    both = HFS(steps=4).solve(problem, prior=wild_prior(), seed=2).image
    one = HFS(steps=4).solve(problem.select(slice(1, 2)), prior=wild_prior(), seed=2).image
    assert torch.equal(one[0], both[1])
    solution = HFS(steps=4).solve(problem, prior=wild_prior())
    assert solution.calls == 4


def watched_band(seen, answer):
    """A prior that answers `answer(high, low)` and leaves what it was shown in `seen`."""

    def of_band(fractions):
        def estimate(high, low, sigma):
            seen.append((low, sigma))
            return answer(high, low)

        return estimate, V

    return Prior(lambda x, t: x, VP(), V, (0.001, 5.0), "watched", of_band=of_band)


@pytest.mark.parametrize("options", [{}, {"integrator": "heun"}, {"samples": 2}])
def test_mirrored_views_are_nothing_to_a_network_that_knows_no_direction(options):
    """What it is shown is mirrored all the same, the low band with the image."""
    problem, _ = make_problem(1)

    def everywhere(high, low):
        return 0.7 * high + 0.2 * low.abs() * high

    plain, seen = (
        HFS(steps=6, mirrored=m, **options).solve(problem, prior=watched_band([], everywhere)).samples
        for m in (False, True)
    )
    assert (plain - seen).norm() < 1e-5 * plain.norm()


def test_mirrored_views_change_what_a_network_with_a_direction_says_in_the_high_band_alone():
    problem, _ = make_problem(2)
    high = high_pass(problem, HFS().lines(problem))
    images = [HFS(steps=6, mirrored=m).solve(problem, prior=wild_prior()).image for m in (False, True)]
    low = [low_part(image, high) for image in images]
    assert (images[0] - images[1]).norm() > 0.01 * images[0].norm()
    assert (low[0] - low[1]).abs().square().sum() < 1e-10 * low[0].abs().square().sum()


@pytest.mark.parametrize("options", [{"steps": 5}, {"steps": 200}, {"steps": 1000, "told": 0.6}])
def test_the_low_band_is_shown_mirrored_step_by_step_bit_for_bit(options):
    """Along y, x, both and neither, as `Sampler.mirrored` shows the image."""
    problem, _ = make_problem(1)
    known, seen = tv_low_band(problem, high_pass(problem, HFS().lines(problem))), []
    HFS(**options, cg=1).solve(problem, prior=watched_band(seen, lambda high, low: 0.5 * high))
    axes = [(), (-2,), (-1,), (-2, -1)]
    assert len(seen) == options["steps"]
    assert all(torch.equal(low.flip(axes[i % 4]), known) for i, (low, _) in enumerate(seen))
    assert all(earlier > later for (_, earlier), (_, later) in pairwise(seen))


@pytest.mark.parametrize(
    ("options", "words"),
    [({"width": -1}, "width is -1"), ({"width": 9}, "9 lines was asked for")],
)
def test_what_it_cannot_do_is_one_line(options, words):
    problem, _ = make_problem(1)
    with pytest.raises(InputError, match=words) as error:
        HFS(**options).solve(problem, prior=wild_prior())
    assert "\n" not in str(error.value)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("batch", [1, 2, 16])
@pytest.mark.parametrize("options", [{}, {"samples": 2}])
def test_cuda_gives_the_same_images_in_any_batch(batch, options):
    """By a network with a direction, so that a view at the wrong step of the recorded graph shows."""
    problem, _ = make_problem(3)
    prior = watched_band([], lambda high, low: 0.5 * high.roll(1, -1) + 0.1 * low.abs().roll(2, -2))
    method = HFS(steps=6, batch=batch, **options)
    expected = method.solve(problem, prior=prior, seed=2).samples
    images = method.solve(problem.to("cuda"), prior=prior, seed=2).samples
    assert (images.cpu() - expected).norm() < 1e-3 * expected.norm()
