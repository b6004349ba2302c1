import pytest
import torch

from medrecon.diffusion.analytic import dense, to_complex, to_real
from medrecon.diffusion.datasteps import Hard, NoiseWeighted, NullSpace, SelfConsistent
from medrecon.diffusion.datasteps.pixel_factor import PixelNoise
from medrecon.operators import Coils, Fourier, Mask
from medrecon.problem import Problem

SHAPE = (5, 6)
SIGMA = torch.tensor(0.3, dtype=torch.float64)


def problem(coils=3, slices=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(slices, coils, *SHAPE, dtype=torch.complex128, generator=generator)
    maps /= maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, [0, 2, 3]] = True
    kspace = torch.randn(slices, coils, *SHAPE, dtype=torch.complex128, generator=generator) * mask

    def each(*values):
        return torch.tensor(values[:slices], dtype=torch.float64)

    ones = torch.ones(slices, *SHAPE)
    return Problem(
        kspace, mask, maps, ones.bool(), each(0.05, 0.2), each(0.1, 0.01), None, each(0.01, 0.04), each(0.02, 0.03),
        ones, 1.0, ("x",), (5, 2), tuple(range(slices)),
    )  # fmt: skip


def image(slices=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(slices, *SHAPE, dtype=torch.complex128, generator=generator)


def random_consistency(p, seed=2):
    generator = torch.Generator().manual_seed(seed)
    n, c = p.n_slices, p.kspace.shape[1]
    roots = torch.randn(n, *SHAPE, c, c, dtype=torch.complex128, generator=generator) / c
    return (roots.mH @ roots).permute(0, 3, 4, 1, 2)


def test_noise_weighted_minimises_its_functional():
    """The gradient (A^H (A x - y)) / sigma^2 + (x - x0) / r^2 vanishes, each slice with its own sigma."""
    p, x0, v = problem(), image(), 0.25
    x = NoiseWeighted(p, v, 80)(x0, SIGMA)
    r2 = SIGMA**2 * v / (SIGMA**2 + v)
    gradient = p.forward.H(p.forward(x) - p.kspace) / p.data_sigma[:, None, None] ** 2 + (x - x0) / r2
    assert gradient.abs().max() < 1e-8


def test_noise_weighted_is_the_conditional_mean_of_an_isotropic_gaussian():
    """E[x0 | x_t, y] by Bayes' rule on the dense matrix, for x0 ~ N(0, v)."""
    p, v, x_t = problem(slices=1), 0.25, image(1)
    a = dense(Mask(p.mask) @ Fourier(tuple(p.maps.shape[1:])) @ Coils(p.maps[0]), SHAPE)
    y = torch.cat([p.kspace.real.flatten(), p.kspace.imag.flatten()])
    precision = a.T @ a / p.data_sigma**2 + (1 / v + 1 / SIGMA**2) * torch.eye(a.shape[1], dtype=torch.float64)
    mean = torch.linalg.solve(precision, a.T @ y / p.data_sigma**2 + to_real(x_t[0]) / SIGMA**2)
    x = NoiseWeighted(p, v, 80)(x_t * v / (v + SIGMA**2), SIGMA)
    assert torch.allclose(x[0], to_complex(mean, SHAPE), atol=1e-9)


def test_null_space_keeps_the_data_and_is_the_noiseless_limit():
    p, x0 = problem(coils=1), image()
    x = NullSpace(p, 60)(x0, SIGMA)
    assert (p.forward(x) - p.kspace).abs().max() < 1e-10
    p = problem(coils=2)
    p = p.with_kspace(p.forward(image(seed=5)), p.mask)
    silent = Problem(**{**p.__dict__, "noise": p.noise * 1e-4, "model_error": p.noise * 0})
    null = NullSpace(p, 400)(x0, SIGMA)
    assert (p.forward(null) - p.kspace).abs().max() < 1e-8
    assert torch.allclose(NoiseWeighted(silent, 0.25, 400)(x0, SIGMA), null, atol=1e-5)


def test_hard_replacement_of_a_single_coil_is_exact():
    p, x0 = problem(coils=1), image()
    x = Hard(p)(x0, SIGMA)
    assert torch.allclose(p.forward(x), p.kspace, atol=1e-12)
    assert torch.allclose(x, NullSpace(p, 5)(x0, SIGMA), atol=1e-10)


def dense_hessian(p, w, r2):
    """Of one slice's functional over coil images, and the dense S; from dense matrices and nothing of the data step."""
    s = torch.cat([torch.diag(m.flatten()) for m in p.maps[0]])
    blocks = torch.cat([torch.cat([torch.diag(b.flatten()) for b in row], 1) for row in w[0]])
    f, eye = dense_sampling(p), torch.eye(len(s), dtype=s.dtype)
    within = s @ s.mH / r2 + f.mH @ f / p.noise**2
    return within + (eye - s @ s.mH) / p.off_range + blocks / p.inconsistency, s


def dense_sampling(p):
    basis = torch.eye(p.kspace[0].numel(), dtype=p.kspace.dtype)
    return torch.stack([p.sampling(e.unflatten(0, p.kspace.shape)).flatten() for e in basis], 1)


def dense_coil_images(p, w, u0, v, sigma):
    """The minimiser over coil images of one slice."""
    r2 = sigma**2 * v / (sigma**2 + v)
    hessian, s = dense_hessian(p, w, r2)
    rhs = s @ u0.flatten() / r2 + dense_sampling(p).mH @ p.kspace.flatten() / p.noise**2
    return torch.linalg.solve(hessian, rhs).unflatten(0, p.kspace.shape[1:])


def test_self_consistent_minimises_its_functional():
    p, u0 = problem(slices=1), image(1)
    w = random_consistency(p)
    x = SelfConsistent(p, w, 0.25, 200).coil_images(u0, SIGMA)[0]
    assert torch.allclose(x, dense_coil_images(p, w, u0, 0.25, SIGMA), atol=1e-8)


def test_self_consistency_changes_the_result():
    p, u0 = problem(), image()
    with_w = SelfConsistent(p, random_consistency(p), 0.25, 20)(u0, SIGMA)
    without = SelfConsistent(p, 0 * random_consistency(p), 0.25, 20)(u0, SIGMA)
    assert (with_w - without).abs().max() > 1e-2


def test_self_consistent_tends_to_noise_weighted_as_the_maps_become_exact():
    p, u0 = problem(), image()
    exact = Problem(**{**p.__dict__, "off_range": p.off_range * 1e-8, "model_error": p.noise * 0})
    projector = torch.einsum("sayx,sbyx->sabyx", p.maps, p.maps.conj())
    w = torch.eye(3, dtype=p.maps.dtype)[None, :, :, None, None] - projector
    coil = SelfConsistent(exact, w, 0.25, 300)(u0, SIGMA)
    assert torch.allclose(coil, NoiseWeighted(exact, 0.25, 60)(u0, SIGMA), atol=1e-3)


@pytest.mark.parametrize("name", ["noise", "hard", "null", "self"])
def test_slices_do_not_influence_each_other(name):
    p, x0 = problem(), image()
    w = random_consistency(p)

    def step(part):
        q = p.select(part)
        return {
            "noise": lambda: NoiseWeighted(q, 0.25, 4),
            "hard": lambda: Hard(q),
            "null": lambda: NullSpace(q, 4),
            "self": lambda: SelfConsistent(q, w[part], 0.25, 4),
        }[name]()(x0[part], SIGMA)

    both = step(slice(0, 2))
    assert torch.allclose(both[:1], step(slice(0, 1)), atol=1e-13)
    assert torch.allclose(both[1:], step(slice(1, 2)), atol=1e-13)


def dense_draw(make, p, sigma, normals):
    """Real matrix from a draw's noise to the draw, and the draw without noise: one slice, a column a basis normal."""
    n = normals * SHAPE[0] * SHAPE[1]
    basis = torch.eye(2 * n, dtype=torch.float64)
    noise = torch.complex(basis[:, :n], basis[:, n:]).reshape(2 * n, normals, *SHAPE)
    noise = torch.cat([torch.zeros_like(noise[:1]), noise])
    x0 = image(1).expand(len(noise), *SHAPE)
    drawn = to_real(make(p.repeat(len(noise))).draw(x0, sigma, sigma, noise))
    return (drawn[1:] - drawn[0]).T, drawn[0]


def test_a_noise_weighted_draw_has_mean_and_covariance_of_the_gaussian_posterior():
    """N(x0, sigma^2) times the likelihood, by Bayes' rule on the dense matrix."""
    p = problem(slices=1)
    matrix, mean = dense_draw(lambda q: NoiseWeighted(q, 0.25, 60), p, SIGMA, 4)
    a = dense(Mask(p.mask) @ Fourier(tuple(p.maps.shape[1:])) @ Coils(p.maps[0]), SHAPE)
    y = torch.cat([p.kspace.real.flatten(), p.kspace.imag.flatten()])
    precision = a.T @ a / p.data_sigma**2 + torch.eye(a.shape[1], dtype=torch.float64) / SIGMA**2
    expected = torch.linalg.solve(precision, a.T @ y / p.data_sigma**2 + to_real(image(1)[0]) / SIGMA**2)
    assert torch.allclose(mean, expected, atol=1e-9)
    assert torch.allclose(matrix @ matrix.T, torch.linalg.inv(precision), atol=1e-9)


def test_a_self_consistent_draw_has_the_covariance_of_its_functional():
    """S^H H^-1 S for the Hessian H over coil images, from dense matrices."""
    p = problem(slices=1)
    w = random_consistency(p)

    def make(q):
        return SelfConsistent(q, w.expand(q.n_slices, *w.shape[1:]), 0.25, 200, draws=True)

    matrix, _ = dense_draw(make, p, SIGMA, 7)
    hessian, s = dense_hessian(p, w, SIGMA**2)
    complex_covariance = s.mH @ torch.linalg.inv(hessian) @ s
    top = torch.cat([complex_covariance.real, -complex_covariance.imag], 1)
    covariance = torch.cat([top, torch.cat([complex_covariance.imag, complex_covariance.real], 1)])
    assert torch.allclose(matrix @ matrix.T, covariance, atol=1e-8)


def test_a_singular_covariance_of_maps_and_kernel_gives_finite_noise():
    """Exact maps in single precision: N - I has no part along S, but for rounding."""
    p = problem()
    maps = p.maps.to(torch.complex64)
    projector = torch.einsum("sayx,sbyx->sayxb", maps, maps.conj()).permute(0, 2, 3, 1, 4)
    noise = PixelNoise(1e4 * (torch.eye(3) - projector))
    n = torch.randn(2, 3, *SHAPE, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    moved = noise(n)
    assert moved.abs().max() > 10
    assert (maps.conj() * moved).sum(1).abs().max() < 1


def test_draws_of_slices_do_not_influence_each_other():
    p, x0 = problem(), image()
    noise = torch.randn(2, 7, *SHAPE, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    w = random_consistency(p)
    both = SelfConsistent(p, w, 0.25, 4, draws=True).draw(x0, SIGMA, SIGMA, noise)
    second = slice(1, 2)
    alone = SelfConsistent(p.select(second), w[second], 0.25, 4, draws=True)
    assert torch.allclose(both[1:], alone.draw(x0[1:], SIGMA, SIGMA, noise[1:]), atol=1e-13)
    both = NoiseWeighted(p, 0.25, 4).draw(x0, SIGMA, SIGMA, noise[:, :4])
    alone = NoiseWeighted(p.select(second), 0.25, 4)
    assert torch.allclose(both[1:], alone.draw(x0[1:], SIGMA, SIGMA, noise[1:, :4]), atol=1e-13)
