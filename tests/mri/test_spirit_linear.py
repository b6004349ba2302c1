import math
from dataclasses import replace

import pytest
import torch
from problems import make_problem

from medrecon.errors import InputError
from medrecon.mri.spirit_linear import SpiritLinear
from medrecon.mri.zero_filled import ZeroFilled
from medrecon.operators import Coils, Mask, fft2c, ifft2c
from medrecon.operators.spirit import Spirit


def random_kernel(coils, seed=0, dtype=torch.complex128):
    g = torch.Generator().manual_seed(seed)
    kernel = 0.15 * torch.randn(1, coils, coils, 3, 3, dtype=torch.complex128, generator=g)
    index = torch.arange(coils)
    kernel[:, index, index, 1, 1] = 0
    return kernel.to(dtype)


def fitted_kernel(kspace, width=5, ridge=1e-4):
    """SPIRiT kernel by least squares on all of a fully sampled k-space `(coil, y, x)`."""
    coils, half = kspace.shape[0], width // 2
    patches = kspace.unfold(-2, width, 1).unfold(-2, width, 1)
    rows = patches.permute(1, 2, 0, 3, 4).reshape(-1, coils * width * width)
    kernel = torch.zeros(coils, coils * width * width, dtype=kspace.dtype)
    for c in range(coils):
        own = c * width * width + half * width + half
        others = torch.arange(rows.shape[1]) != own
        a, target = rows[:, others], rows[:, own]
        normal = a.mH @ a
        normal = normal + ridge * normal.diagonal().real.mean() * torch.eye(len(normal))
        kernel[c, others] = torch.linalg.solve(normal, a.mH @ target)
    return kernel.reshape(1, coils, coils, width, width)


def dense(operator, shape):
    n = math.prod(shape)
    return torch.stack([operator(e.reshape(shape)).flatten() for e in torch.eye(n, dtype=torch.complex128)], 1)


@pytest.mark.parametrize("weight", [2.0, None])
def test_equals_the_dense_least_squares_solution_in_k_space(weight):
    problem, _ = make_problem(n_slices=1, coils=3, shape=(5, 8), accel=1, noise=0.02, dtype=torch.complex128)
    mask = torch.tensor([1, 0, 1, 1, 1, 0, 1, 0], dtype=torch.bool).expand(5, 8)
    problem = replace(problem.with_kspace(problem.kspace * mask, mask), kernel=random_kernel(3))
    shape = (1, 3, 5, 8)
    g = dense(Spirit(problem.kernel, (5, 8), circular=True), shape) - torch.eye(120)
    m = dense(Mask(mask), shape)
    data = weight or float(problem.inconsistency / problem.noise**2)
    reference = torch.linalg.solve(g.mH @ g + data * m, data * problem.kspace.flatten()).reshape(shape)
    solution = SpiritLinear(weight=weight, iterations=400).solve(problem)
    torch.testing.assert_close(solution.coil_kspace, reference, rtol=0, atol=1e-8)
    torch.testing.assert_close(solution.image, Coils(problem.maps).H(ifft2c(reference)), rtol=0, atol=1e-8)


def test_predicts_missing_samples_with_a_kernel_fitted_to_the_coils():
    problem, truth = make_problem(n_slices=1, coils=6, shape=(32, 36), accel=2, noise=1e-3, dtype=torch.complex128)
    full = fft2c(Coils(problem.maps)(truth))
    problem = replace(problem, kernel=fitted_kernel(full[0]))
    solution = SpiritLinear().solve(problem)
    missing = ~problem.mask
    assert (solution.coil_kspace - full)[..., missing].norm() < 0.2 * full[..., missing].norm()
    assert (solution.image - truth).norm() < 0.25 * (ZeroFilled().solve(problem).image - truth).norm()


def test_heavy_data_are_kept_as_measured():
    problem, _ = make_problem(n_slices=1, coils=3, dtype=torch.complex128)
    problem = replace(problem, kernel=random_kernel(3))
    kept = SpiritLinear(weight=1e9, iterations=40).solve(problem).coil_kspace * problem.mask
    torch.testing.assert_close(kept, problem.kspace, rtol=0, atol=1e-6)


def test_more_noise_means_less_weight_of_the_data():
    quiet, _ = make_problem(n_slices=1, coils=3, noise=0.01, dtype=torch.complex128)
    quiet = replace(quiet, kernel=random_kernel(3))
    loud = replace(quiet, noise=2 * quiet.noise)
    by_hand = SpiritLinear(weight=float(quiet.inconsistency / quiet.noise**2) / 4)
    torch.testing.assert_close(SpiritLinear().solve(loud).image, by_hand.solve(quiet).image)


def test_a_single_coil_is_zero_filled():
    problem, _ = make_problem(coils=1)
    torch.testing.assert_close(SpiritLinear().solve(problem).image, ZeroFilled().solve(problem).image)


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"iterations": 0}])
def test_bad_options_are_named(options):
    problem, _ = make_problem()
    with pytest.raises(InputError, match=next(iter(options))):
        SpiritLinear(**options).solve(problem)
