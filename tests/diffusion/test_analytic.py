import torch

from medrecon.diffusion.analytic import dense, to_complex, to_real
from medrecon.diffusion.path import VE, VP
from medrecon.operators import Coils, Fourier, Mask

SHAPE = (3, 4)


def scanner():
    generator = torch.Generator().manual_seed(4)
    maps = torch.randn(2, *SHAPE, dtype=torch.complex128, generator=generator)
    maps /= maps.abs().square().sum(0).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, 1:3] = True
    return Mask(mask) @ Fourier((2, *SHAPE)) @ Coils(maps)


def test_packing_is_a_round_trip_with_all_real_parts_first():
    """Specification T2."""
    x = torch.randn(2, *SHAPE, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    assert torch.equal(to_complex(to_real(x), SHAPE), x)
    assert torch.equal(to_real(x)[:, :12], x.real.reshape(2, 12))
    assert torch.equal(to_real(x)[:, 12:], x.imag.reshape(2, 12))


def test_denoiser_obeys_tweedie(make_mixture):
    """x0 = u + sigma^2 grad log p(u), the gradient taken by autograd from the mixture's own density."""
    gm, path = make_mixture(SHAPE, 3, 1.5, 0), VP()
    t = path.level(torch.tensor(0.4, dtype=torch.float64))
    x = gm.sample(5, torch.Generator().manual_seed(1))
    u = to_real(x / path.a(t)).requires_grad_()
    noisy = gm.covariances + 0.16 * torch.eye(u.shape[1], dtype=torch.float64)
    parts = torch.distributions.MultivariateNormal(gm.means, noisy)
    density = (gm.weights.log() + parts.log_prob(u[:, None])).logsumexp(-1)
    (score,) = torch.autograd.grad(density.sum(), u)
    assert torch.allclose(to_real(gm.prior(path).denoise(x, t)), (u + 0.16 * score).detach(), atol=1e-10)


def test_posterior_is_bayes_rule(make_mixture):
    """log p(x | y) - log p(x) - log p(y | x) is the same at every x."""
    gm, forward, sigma = make_mixture(SHAPE, 3, 1.5, 2), scanner(), 0.2
    x = gm.sample(6, torch.Generator().manual_seed(3))
    y = forward(x[0])
    posterior = gm.posterior(forward, y, sigma)

    def log_p(mixture, v):
        parts = torch.distributions.MultivariateNormal(mixture.means, mixture.covariances)
        return (mixture.weights.log() + parts.log_prob(v[:, None])).logsumexp(-1)

    likelihood = -0.5 * (forward(x) - y).abs().square().flatten(1).sum(1) / sigma**2
    constant = log_p(posterior, to_real(x)) - log_p(gm, to_real(x)) - likelihood
    assert (constant - constant[0]).abs().max() < 1e-6 * likelihood.abs().max()


def test_dense_matrix_and_sample_moments(make_mixture):
    gm, forward = make_mixture(SHAPE, 2, 1.0, 5), scanner()
    x = gm.sample(20000, torch.Generator().manual_seed(6))
    y = forward(x[:3])
    stacked = torch.cat([y.real.flatten(1), y.imag.flatten(1)], 1)
    assert torch.allclose(to_real(x[:3]) @ dense(forward, SHAPE).T, stacked, atol=1e-12)
    assert (to_real(x).mean(0) - gm.mean).abs().max() < 0.02
    assert (to_real(x).T.cov() - gm.covariance).abs().max() < 0.03
    assert abs(gm.prior(VE()).variance - to_real(x).square().mean()) < 0.01
