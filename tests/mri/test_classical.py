"""What holds for every classical method."""

from dataclasses import replace

import pytest
import torch
from problems import make_problem

from medrecon.mri.sense import Sense
from medrecon.mri.spirit_linear import SpiritLinear
from medrecon.mri.tv import TotalVariation
from medrecon.mri.wavelet import Wavelet
from medrecon.mri.zero_filled import ZeroFilled

METHODS = [ZeroFilled(), Sense(), Wavelet(iterations=30), TotalVariation(iterations=30), SpiritLinear()]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_slices_alone_equal_the_batch(method):
    problem, _ = make_problem(n_slices=3)
    together = method.solve(problem).image
    for i in range(3):
        alone = method.solve(problem.select(slice(i, i + 1))).image
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_same_seed_same_bits_and_global_random_state_untouched(method):
    problem, _ = make_problem()
    state = torch.random.get_rng_state()
    first, second = method.solve(problem, seed=3), method.solve(problem, seed=3)
    assert torch.equal(first.samples, second.samples)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_single_coil_and_no_noise_stay_finite(method):
    problem, _ = make_problem(coils=1, noise=0.0)
    image = method.solve(problem).image
    assert torch.isfinite(torch.view_as_real(image)).all()
    assert image.dtype == torch.complex64


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_progress_ends_complete(method):
    problem, _ = make_problem()
    steps = []
    method.solve(problem, on_step=steps.append)
    assert steps[-1].done == steps[-1].total
    assert [s.done for s in steps] == sorted(s.done for s in steps)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_image_scales_with_the_scan_when_the_noise_does(method):
    """The noise rules are free of units: no weight is tied to one intensity."""
    if method.name == "sense":
        pytest.skip("its prior variance is in the Problem's units")
    problem, _ = make_problem(dtype=torch.complex128)
    twice = scaled(problem, 2.0)
    torch.testing.assert_close(method.solve(twice).image, 2 * method.solve(problem).image, rtol=1e-6, atol=1e-9)


def scaled(problem, factor):
    return replace(
        problem,
        kspace=problem.kspace * factor,
        noise=problem.noise * factor,
        model_error=problem.model_error * factor,
        inconsistency=problem.inconsistency * factor**2,
    )
