import math

import pytest
import torch
from problems import make_problem

from medrecon.errors import InputError
from medrecon.mri.sense import Sense


def dense_forward(problem):
    """A of one slice as a matrix, column by column."""
    n = math.prod(problem.image_shape[1:])
    pixels = torch.eye(n, dtype=problem.kspace.dtype).reshape(n, 1, *problem.image_shape[1:])
    return torch.stack([problem.forward(p).flatten() for p in pixels], 1)


@pytest.mark.parametrize("weight", [0.3, None])
def test_equals_the_dense_ridge_solution(weight):
    problem, _ = make_problem(n_slices=1, shape=(7, 12), accel=1.5, noise=0.05, dtype=torch.complex128)
    method = Sense(weight=weight, iterations=150)
    ridge = weight or float(problem.data_sigma**2) / method.prior_variance
    a = dense_forward(problem)
    normal = a.mH @ a + ridge * torch.eye(a.shape[1], dtype=torch.float64)
    reference = torch.linalg.solve(normal, a.mH @ problem.kspace.flatten()).reshape(problem.image_shape)
    torch.testing.assert_close(method.solve(problem).image, reference, rtol=0, atol=1e-9)


def test_resolves_the_aliasing_that_zero_filling_leaves():
    problem, truth = make_problem(coils=8, shape=(32, 36), accel=2, noise=1e-4)
    error = (Sense(iterations=40).solve(problem).image - truth).norm() / truth.norm()
    aliased = (problem.forward.H(problem.kspace) - truth).norm() / truth.norm()
    assert error < 0.5 * aliased


def test_doubling_the_noise_quadruples_the_ridge():
    quiet, _ = make_problem(noise=0.01)
    loud, _ = make_problem(noise=0.02)
    usual, data = Sense(), quiet.with_kspace(loud.kspace, loud.mask)
    by_rule, ridge = usual.solve(data).image, float(data.data_sigma[0] ** 2) / usual.prior_variance
    torch.testing.assert_close(by_rule, Sense(weight=ridge).solve(data).image)
    torch.testing.assert_close(usual.solve(loud).image, Sense(weight=4 * ridge).solve(data).image)
    assert (usual.solve(loud).image - by_rule).norm() > 1e-3 * by_rule.norm()


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"weight": math.nan}, {"iterations": 0}])
def test_bad_options_are_named(options):
    problem, _ = make_problem()
    with pytest.raises(InputError, match=next(iter(options))):
        Sense(**options).solve(problem)
