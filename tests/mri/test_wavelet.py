import math

import pytest
import torch
from problems import make_problem

from medrecon.errors import InputError
from medrecon.mri.sense import Sense
from medrecon.mri.wavelet import ShiftedWaveletProx, Wavelet
from medrecon.mri.zero_filled import ZeroFilled
from medrecon.optimisation.daubechies import Daubechies2


def error(image, truth):
    return ((image - truth).norm() / truth.norm()).item()


def test_beats_sense_and_zero_filling_on_a_piecewise_constant_head():
    problem, truth = make_problem(coils=6, shape=(48, 54), accel=3, noise=0.02)
    wavelet = error(Wavelet().solve(problem).image, truth)
    assert wavelet < 0.75 * error(Sense().solve(problem).image, truth)
    assert wavelet < 0.6 * error(ZeroFilled().solve(problem).image, truth)


def test_full_sampling_without_shifts_is_soft_thresholding_in_one_step(monkeypatch):
    """With A^H A = I the minimiser is known in closed form."""
    monkeypatch.setattr(ShiftedWaveletProx, "_shifts", lambda self: [(0, 0)])
    problem, _ = make_problem(accel=1, noise=0.05, dtype=torch.complex128)
    transform = Daubechies2((24, 27), 2)
    coefficients = transform(problem.forward.H(problem.kspace))
    h, w = transform.approximation_shape
    shrunk = coefficients * (1 - 0.1 / coefficients.abs()).clamp(min=0)
    shrunk[..., :h, :w] = coefficients[..., :h, :w]
    image = Wavelet(weight=0.1, levels=2, iterations=40).solve(problem).image
    torch.testing.assert_close(image, transform.H(shrunk), rtol=0, atol=1e-9)


def test_without_shifts_the_limit_meets_the_optimality_conditions(monkeypatch):
    monkeypatch.setattr(ShiftedWaveletProx, "_shifts", lambda self: [(0, 0)])
    problem, _ = make_problem(n_slices=1, dtype=torch.complex128)
    weight = 0.01
    image = Wavelet(weight=weight, levels=2, iterations=1000).solve(problem).image
    transform = Daubechies2((24, 27), 2)
    h, w = transform.approximation_shape
    slope = transform(problem.forward.H(problem.forward(image) - problem.kspace))
    coefficients, detail = transform(image), torch.ones(24, 27, dtype=torch.bool)
    detail[:h, :w] = False
    active = (coefficients.abs() > 1e-7) & detail
    assert 0 < active.sum() < detail.sum()
    assert slope[..., ~detail].abs().max() < 1e-5
    assert slope[..., detail].abs().max() < weight * 1.001
    sign = coefficients[active] / coefficients[active].abs()
    torch.testing.assert_close(slope[active], -weight * sign, rtol=0, atol=1e-5)


def test_shifts_take_the_grid_out_of_the_image(monkeypatch):
    """Moving the noisy object moves the denoised one with it, nearly; under one fixed grid it does not."""
    problem, truth = make_problem(n_slices=1, shape=(32, 32), accel=1, noise=0.1)
    image, move = problem.forward.H(problem.kspace), (3, 1)

    def denoised(x):
        prox = ShiftedWaveletProx(torch.full((1, 1, 1), 0.2), (32, 32), 3, seed=0)
        return sum(prox(x) for _ in range(15)) / 15

    def grid_error():
        return error(denoised(image.roll(move, (-2, -1))).roll((-3, -1), (-2, -1)), denoised(image))

    shifted_grid, shifted = grid_error(), error(denoised(image), truth)
    monkeypatch.setattr(ShiftedWaveletProx, "_shifts", lambda self: [(0, 0)])
    assert shifted_grid < 0.4 * grid_error()
    assert shifted < error(denoised(image), truth)


def test_doubling_the_noise_doubles_the_weight():
    quiet, _ = make_problem(noise=0.01)
    loud, _ = make_problem(noise=0.02)
    data = quiet.with_kspace(loud.kspace, loud.mask)
    method = Wavelet(iterations=10)
    doubled = Wavelet(iterations=10, noise_factor=2 * method.noise_factor)
    torch.testing.assert_close(method.solve(loud).image, doubled.solve(data).image)
    by_hand = Wavelet(iterations=10, weight=method.noise_factor * 0.02)
    torch.testing.assert_close(method.solve(loud).image, by_hand.solve(data).image)


def test_every_call_sees_all_parities():
    prox = ShiftedWaveletProx(torch.ones(1, 1, 1), (16, 16), 3, seed=0)
    drawn = [prox._shifts() for _ in range(300)]
    assert all({(y % 2, x % 2) for y, x in shifts} == {(0, 0), (0, 1), (1, 0), (1, 1)} for shifts in drawn)
    assert {s for shifts in drawn for s in shifts} == {(y, x) for y in range(8) for x in range(8)}


def test_the_last_iterate_depends_little_on_the_shifts():
    problem, truth = make_problem(n_slices=1, coils=6, shape=(64, 66), accel=2)
    one, other = (Wavelet().solve(problem, seed=s).image for s in (0, 1))
    assert 0 < error(one, other) < 0.2 * error(one, truth)


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"weight": math.inf}, {"iterations": 0}, {"levels": 0}])
def test_bad_options_are_named(options):
    problem, _ = make_problem()
    with pytest.raises(InputError, match=next(iter(options))):
        Wavelet(**options).solve(problem)
