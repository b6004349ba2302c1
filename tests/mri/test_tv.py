import pytest
import torch
from problems import make_problem

from medrecon.errors import InputError
from medrecon.mri.sense import Sense
from medrecon.mri.tv import TotalVariation
from medrecon.optimisation.total_variation import TotalVariationProx, differences, differences_adjoint, total_variation


def objective(problem, image, weight):
    misfit = (problem.forward(image) - problem.kspace).abs().square().sum((-3, -2, -1)) / 2
    return misfit + weight * total_variation(image)


def primal_dual(problem, weight, iterations):
    """An independent solver of the same problem (Condat 2013, algorithm 3.1)."""
    rhs, gram = problem.forward.H(problem.kspace), problem.forward.gram
    u, p = rhs, torch.zeros_like(differences(rhs))
    tau, sigma = 0.5, 0.18  # 1 / tau - 8 sigma >= 1 / 2
    for _ in range(iterations):
        new = u - tau * (gram(u) - rhs + differences_adjoint(p))
        p = p + sigma * differences(2 * new - u)
        length = p.abs().square().sum(0).sqrt()
        p, u = p * (weight / length.clamp(min=weight)), new
    return u


def test_default_iterations_reach_the_minimum_of_an_independent_solver():
    problem, _ = make_problem(dtype=torch.complex128)
    weight = 0.01
    reference = objective(problem, primal_dual(problem, weight, 1000), weight)
    ours = objective(problem, TotalVariation(weight=weight).solve(problem).image, weight)
    assert ((ours - reference) / reference).abs().max() < 5e-4
    converged = objective(
        problem, TotalVariation(weight=weight, iterations=200, inner_iterations=20).solve(problem).image, weight
    )
    assert ((converged - reference) / reference).abs().max() < 1e-5


def test_objective_falls():
    problem, _ = make_problem(dtype=torch.complex128)
    values = [
        objective(problem, TotalVariation(weight=0.01, iterations=n).solve(problem).image, 0.01).sum().item()
        for n in (1, 3, 10, 30, 100)
    ]
    assert values == sorted(values, reverse=True)


def test_full_sampling_is_denoising():
    problem, _ = make_problem(accel=1, noise=0.05, dtype=torch.complex128)
    noisy = problem.forward.H(problem.kspace)
    reference, _ = TotalVariationProx(torch.tensor(0.05, dtype=torch.float64), 2000)(noisy)
    image = TotalVariation(weight=0.05, iterations=300).solve(problem).image
    assert (image - reference).norm() < 1e-3 * reference.norm()


def test_beats_sense_on_a_piecewise_constant_head():
    problem, truth = make_problem(coils=6, shape=(48, 54), accel=3, noise=0.02)
    error = (TotalVariation().solve(problem).image - truth).norm()
    assert error < 0.75 * (Sense().solve(problem).image - truth).norm()


def test_doubling_the_noise_doubles_the_weight():
    quiet, _ = make_problem(noise=0.01)
    loud, _ = make_problem(noise=0.02)
    method = TotalVariation(iterations=10)
    by_hand = TotalVariation(iterations=10, weight=method.noise_factor * 0.02)
    torch.testing.assert_close(method.solve(loud).image, by_hand.solve(quiet.with_kspace(loud.kspace, loud.mask)).image)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_recorded_on_cuda_it_equals_the_cpu():
    problem, _ = make_problem(dtype=torch.complex128)
    image = TotalVariation(iterations=20).solve(problem.to("cuda")).image
    torch.testing.assert_close(image.cpu(), TotalVariation(iterations=20).solve(problem).image)


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"iterations": 0}, {"inner_iterations": 0}])
def test_bad_options_are_named(options):
    problem, _ = make_problem()
    with pytest.raises(InputError, match=next(iter(options))):
        TotalVariation(**options).solve(problem)
