"""Convergence orders on the probability-flow ODE of one Gaussian, whose solution is known."""

import math
from itertools import pairwise

import pytest
import torch

from medrecon.diffusion.datasteps import DataStep
from medrecon.diffusion.grids import LogSNR
from medrecon.diffusion.integrators import DDIM, DPMpp2M, Heun, Momentum
from medrecon.diffusion.path import VE, VP
from medrecon.diffusion.sampler import Sampler

V = 0.3


class Nothing(DataStep):
    history = "conditional"

    def __call__(self, x0, sigma):
        return x0


def end_point_error(integrator, path, steps):
    """u = x / a of N(0, V) keeps u / sqrt(V + sigma^2); the last step, from sigma to 0, is taken out of the result."""

    def denoise(x, t):
        return x / path.a(t) * V / (V + path.sigma(t) ** 2)

    levels = LogSNR()(path, 5.0, 0.05, steps + 1)
    x = torch.ones(1, 1, 1, dtype=torch.complex128) * path.b(levels[0])
    image = Sampler(path, levels, integrator, 0.0)(x, denoise, Nothing(), lambda _: x).image
    u_end = image * (V + 0.05**2) / V
    u_start = x / path.a(levels[0])
    return float((u_end - u_start * math.sqrt((V + 0.05**2) / (V + 25))).abs().max())


@pytest.mark.parametrize("path", [VE(), VP()])
@pytest.mark.parametrize(("integrator", "order"), [(DDIM(), 1), (DPMpp2M(), 2), (Heun(), 2)])
def test_halving_the_step_gains_the_theoretical_power(path, integrator, order):
    errors = [end_point_error(integrator, path, n) for n in (64, 128, 256)]
    slopes = [math.log2(a / b) for a, b in pairwise(errors)]
    assert all(abs(slope - order) < 0.2 for slope in slopes), slopes


@pytest.mark.parametrize("integrator", [DDIM(), DPMpp2M(), Heun()])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_constant_direction_is_integrated_exactly(integrator, steps):
    generator = torch.Generator().manual_seed(0)
    x0, e = torch.randn(2, 1, 3, 4, dtype=torch.complex128, generator=generator)
    levels, path = LogSNR()(VP(), 8.0, 0.02, steps), VP()
    start = path.a(levels[0]) * x0 + path.b(levels[0]) * e
    draw = Sampler(path, levels, integrator, 0.0)(start, lambda x, t: path.clean(x, e, t), Nothing(), lambda _: e)
    assert torch.allclose(draw.image, x0, atol=1e-9)


def test_momentum_moves_the_estimate_on_by_a_share_of_its_last_change():
    """By hand: x0 of step i is c_i, so that x_s = c_i + share (c_i - c_(i-1)) + sigma_s z; the last one stays c_n."""
    values = iter([1.0, 3.0, 4.0])
    seen = []

    def denoise(x, t):
        seen.append(x.item())
        return torch.full_like(x, next(values))

    levels = LogSNR()(VE(), 4.0, 1.0, 3)
    x = torch.zeros(1, 1, 1, dtype=torch.complex128)
    draw = Sampler(VE(), levels, Momentum(0.5), 1.0, 0.5)(x, denoise, Nothing(), lambda _: torch.ones_like(x))
    assert seen == pytest.approx([0, 1.0 + 0.5 * 2.0, 3.0 + 0.5 * 2.0 + 0.5 * 1.0])
    assert draw.image.item() == pytest.approx(4.0)
    assert draw.calls == 3


def test_variance_preserving_and_exploding_paths_agree():
    """The same ODE in u = x / a: the last images are equal on the same sigmas."""
    images = []
    for path in (VE(), VP()):
        levels = LogSNR()(path, 5.0, 0.05, 12)
        x = torch.full((1, 1, 1), 2 + 1j, dtype=torch.complex128) * path.a(levels[0])

        def denoise(x, t, path=path):
            return x / path.a(t) * V / (V + path.sigma(t) ** 2)

        images.append(Sampler(path, levels, DPMpp2M(), 0.0)(x, denoise, Nothing(), torch.zeros).image)
    assert torch.allclose(*images, rtol=1e-9)


@pytest.mark.parametrize("path", [VE(), VP()])
def test_the_network_is_told_a_share_of_the_level_and_nothing_else_of_it(path):
    levels, told = LogSNR()(path, 4.0, 0.1, 5), []

    def halve(x, t):
        told.append(float(path.sigma(t)))
        return 0.5 * x

    x = torch.ones(1, 3, 5, dtype=torch.complex128)
    shares = torch.tensor([1.0, 0.9, 0.5, 0.25, 0.3])
    samplers = (Sampler(path, levels, DDIM(), 0.0, told=s) for s in (shares, None))
    share, whole = (sampler(x, halve, Nothing(), torch.zeros) for sampler in samplers)
    assert told[:5] == pytest.approx([s * level for s, level in zip(shares.tolist(), told[5:], strict=True)])
    assert told[5:] == pytest.approx([float(path.sigma(t)) for t in levels[:-1]])
    assert torch.equal(share.image, whole.image)


def test_a_mirrored_network_sees_all_four_views_and_answers_in_the_image_s_own():
    """An equivariant denoiser notices nothing; one that favours an edge is averaged over both edges."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, dtype=torch.complex128, generator=generator)
    levels, seen = LogSNR()(VE(), 4.0, 0.1, 5), []

    def halve(x, t):
        seen.append(x)
        return 0.5 * x

    plain, mirrored = (
        Sampler(VE(), levels, DDIM(), 0.0, mirrored=m)(x, halve, Nothing(), torch.zeros).image for m in (False, True)
    )
    assert torch.allclose(plain, mirrored)
    views = [v.flip(axes) if axes else v for v, axes in zip(seen[5:9], [(), (-2,), (-1,), (-2, -1)], strict=True)]
    assert all(torch.allclose(view, other) for view, other in zip(views, seen[:4], strict=True))
    assert not torch.allclose(seen[6], seen[1])
