import math

import pytest
import torch
from problems import make_problem

from medrecon.errors import InputError
from medrecon.mri import wavelet
from medrecon.mri.sense import Sense
from medrecon.mri.wavelet import ShiftedWaveletProx, Wavelet, draw_shifts, rolled
from medrecon.mri.zero_filled import ZeroFilled
from medrecon.optimisation.daubechies import Daubechies2


def error(image, truth):
    return ((image - truth).norm() / truth.norm()).item()


def unshifted(period, count, seed):
    return torch.zeros(count, 1, 2, dtype=torch.int64)


def test_beats_sense_and_zero_filling_on_a_piecewise_constant_head():
    problem, truth = make_problem(coils=6, shape=(48, 54), accel=3, noise=0.02)
    ours = error(Wavelet().solve(problem).image, truth)
    assert ours < 0.75 * error(Sense().solve(problem).image, truth)
    assert ours < 0.6 * error(ZeroFilled().solve(problem).image, truth)


def test_full_sampling_without_shifts_is_soft_thresholding_in_one_step(monkeypatch):
    """With A^H A = I the minimiser is known in closed form."""
    monkeypatch.setattr(wavelet, "draw_shifts", unshifted)
    problem, _ = make_problem(accel=1, noise=0.05, dtype=torch.complex128)
    transform = Daubechies2((24, 27), 2)
    coefficients = transform(problem.forward.H(problem.kspace))
    h, w = transform.approximation_shape
    shrunk = coefficients * (1 - 0.1 / coefficients.abs()).clamp(min=0)
    shrunk[..., :h, :w] = coefficients[..., :h, :w]
    image = Wavelet(weight=0.1, levels=2, iterations=40).solve(problem).image
    torch.testing.assert_close(image, transform.H(shrunk), rtol=0, atol=1e-9)


def test_without_shifts_the_limit_meets_the_optimality_conditions(monkeypatch):
    monkeypatch.setattr(wavelet, "draw_shifts", unshifted)
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


def test_shifts_take_the_grid_out_of_the_image():
    """Moving the noisy object moves the denoised one with it, nearly; under one fixed grid it does not."""
    problem, truth = make_problem(n_slices=1, shape=(32, 32), accel=1, noise=0.1)
    image, move = problem.forward.H(problem.kspace), (3, 1)

    def denoised(x, shifts):
        prox = ShiftedWaveletProx(torch.full((1, 1, 1), 0.2), (32, 32), 3, shifts)
        total, carried = torch.zeros_like(x), ()
        for _ in shifts:
            mean, *carried = prox(x, *carried)
            total = total + mean
        return total / len(shifts)

    def grid_error(shifts):
        moved = denoised(image.roll(move, (-2, -1)), shifts)
        return error(moved.roll((-3, -1), (-2, -1)), denoised(image, shifts))

    drawn, none = draw_shifts(8, 15, 0), unshifted(8, 1, 0)
    assert grid_error(drawn) < 0.4 * grid_error(none)
    assert error(denoised(image, drawn), truth) < error(denoised(image, none), truth)


def test_doubling_the_noise_doubles_the_weight():
    quiet, _ = make_problem(noise=0.01)
    loud, _ = make_problem(noise=0.02)
    data = quiet.with_kspace(loud.kspace, loud.mask)
    method = Wavelet(iterations=10)
    doubled = Wavelet(iterations=10, noise_factor=2 * method.noise_factor)
    torch.testing.assert_close(method.solve(loud).image, doubled.solve(data).image)
    by_hand = Wavelet(iterations=10, weight=method.noise_factor * 0.02)
    torch.testing.assert_close(method.solve(loud).image, by_hand.solve(data).image)


def test_every_iteration_sees_all_parities():
    drawn = [[tuple(shift) for shift in shifts] for shifts in draw_shifts(8, 300, 0).tolist()]
    assert all({(y % 2, x % 2) for y, x in shifts} == {(0, 0), (0, 1), (1, 0), (1, 1)} for shifts in drawn)
    assert {s for shifts in drawn for s in shifts} == {(y, x) for y in range(8) for x in range(8)}


def test_more_iterations_begin_with_the_same_shifts():
    assert torch.equal(draw_shifts(16, 100, 5)[:7], draw_shifts(16, 7, 5))
    assert not torch.equal(draw_shifts(16, 7, 5), draw_shifts(16, 7, 6))


@pytest.mark.parametrize("shape", [(5, 8), (3, 2)])
def test_each_image_rolls_by_its_own_shift(shape):
    images = torch.randn(2, 4, *shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    shifts = draw_shifts(16, 1, 0)[0] - 4
    ours = rolled(images, shifts)
    for i, shift in enumerate(shifts.tolist()):
        assert torch.equal(ours[:, i], images[:, i].roll(shift, (-2, -1)))


def test_a_call_takes_the_mean_over_its_own_shifts_alone():
    x = torch.randn(2, 9, 12, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    weight, shifts = torch.tensor([0.3, 0.6], dtype=torch.float64)[:, None, None], draw_shifts(4, 3, 0)
    prox, carried = ShiftedWaveletProx(weight, (9, 12), 2, shifts), ()
    for own in shifts:
        ours, *carried = prox(x, *carried)
        singles = [ShiftedWaveletProx(weight, (9, 12), 2, one[None, None])(x)[0] for one in own]
        torch.testing.assert_close(ours, sum(singles) / 4)


def test_a_call_looks_at_no_values():
    """As recording asks: on the meta device tensors have none."""
    shifts, weight = draw_shifts(4, 3, 0).to("meta"), torch.ones(2, 1, 1, device="meta")
    x = torch.zeros(2, 9, 12, dtype=torch.complex64, device="meta")
    image, queue = ShiftedWaveletProx(weight, (9, 12), 2, shifts)(x)
    assert (image.shape, queue.shape) == (x.shape, shifts.shape)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_recorded_on_cuda_it_equals_the_cpu():
    problem, _ = make_problem(dtype=torch.complex128)
    image = Wavelet(iterations=20).solve(problem.to("cuda")).image
    torch.testing.assert_close(image.cpu(), Wavelet(iterations=20).solve(problem).image)


def test_the_last_iterate_depends_little_on_the_shifts():
    problem, truth = make_problem(n_slices=1, coils=6, shape=(64, 66), accel=2)
    one, other = (Wavelet().solve(problem, seed=s).image for s in (0, 1))
    assert 0 < error(one, other) < 0.2 * error(one, truth)


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"weight": math.inf}, {"iterations": 0}, {"levels": 0}])
def test_bad_options_are_named(options):
    problem, _ = make_problem()
    with pytest.raises(InputError, match=next(iter(options))):
        Wavelet(**options).solve(problem)
