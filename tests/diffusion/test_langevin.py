"""Guidance and corrector of the published samplers (specification T4, 1.4, 1.6)."""

import pytest
import torch
from properties import noise

from medrecon.diffusion.langevin import balanced, langevin, norm


def test_the_pull_has_the_size_of_the_score_in_each_image():
    score, gradient = noise(3, 4, 5), noise(3, 4, 5, seed=1) * torch.tensor([1.0, 1e3, 1e-6])[:, None, None]
    pull = balanced(score, gradient, 2.5)
    assert torch.allclose(norm(pull), 2.5 * norm(score), rtol=1e-12)
    assert torch.allclose(pull / norm(pull), gradient / norm(gradient))


def test_identical_images_in_a_batch_move_alike_and_as_they_would_alone():
    one, z = noise(1, 4, 5), noise(1, 4, 5, seed=2)
    score, gradient = noise(1, 4, 5, seed=3), noise(1, 4, 5, seed=4)

    def moved(n):
        x, s, g, e = (v.expand(n, -1, -1) for v in (one, score, gradient, z))
        return langevin(x, s, balanced(s, g, 0.5), e, norm(e), 0.16, torch.tensor(1.0))

    assert torch.equal(moved(3), moved(1).expand(3, -1, -1))


def test_data_that_are_met_exactly_pull_nowhere():
    pull = balanced(noise(2, 4, 5), torch.zeros(2, 4, 5, dtype=torch.complex128), 1.0)
    assert torch.equal(pull, torch.zeros_like(pull))


@pytest.mark.parametrize(("snr", "expected"), [(0.16, 1.026), (0.32, 1.102), (0.7, 1.49)])
def test_the_corrector_alone_makes_the_variance_too_large(snr, expected):
    """1 + snr^2 on a white Gaussian, where a sampler would stay at 1: the step shrinks as the score grows."""
    generator, shape = torch.Generator().manual_seed(0), (1, 96, 96)

    def white():
        return torch.view_as_complex(torch.randn(*shape, 2, generator=generator, dtype=torch.float64))

    x, found = white(), []
    for i in range(400):
        z = white()
        x = langevin(x, -x, torch.zeros_like(x), z, norm(z), snr, torch.tensor(1.0))
        found += [float(x.abs().square().mean() / 2)] if i >= 200 else []
    assert sum(found) / len(found) == pytest.approx(expected, rel=0.015)
