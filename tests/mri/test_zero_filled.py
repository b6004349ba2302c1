import torch
from problems import make_problem

from medrecon.mri.zero_filled import ZeroFilled


def test_full_sampling_without_noise_gives_the_truth():
    problem, truth = make_problem(accel=1, noise=0.0, dtype=torch.complex128)
    solution = ZeroFilled().solve(problem)
    torch.testing.assert_close(solution.image, truth, rtol=0, atol=1e-12)
    assert solution.samples.shape == (1, *problem.image_shape)
    assert solution.calls == 0


def test_prediction_of_missing_samples_is_zero():
    problem, _ = make_problem()
    kspace = ZeroFilled().solve(problem).coil_kspace
    assert (kspace[..., ~problem.mask] == 0).all()
    assert torch.equal(kspace[..., problem.mask], problem.kspace[..., problem.mask])
