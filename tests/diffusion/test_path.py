import pytest
import torch

from medrecon.diffusion.path import VE, VP


@pytest.mark.parametrize("path", [VE(), VP(), VP(0.05, 12.0)])
def test_level_inverts_sigma_and_x_is_its_parts(path):
    sigma = torch.logspace(-3, 1.5, 40, dtype=torch.float64)
    t = path.level(sigma)
    assert torch.allclose(path.sigma(t), sigma, rtol=1e-9)
    generator = torch.Generator().manual_seed(0)
    x0, e = torch.randn(2, 40, dtype=torch.complex128, generator=generator)
    x = path.a(t) * x0 + path.b(t) * e
    assert torch.allclose(path.direction(x, x0, t), e, rtol=1e-9)
    assert torch.allclose(path.clean(x, e, t), x0, rtol=1e-9)


def test_vp_preserves_variance():
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    assert torch.allclose(VP().a(t) ** 2 + VP().b(t) ** 2, torch.ones_like(t))
