import pytest
import torch

from medrecon.diffusion.heads import from_eps, from_score, from_v, from_x0
from medrecon.diffusion.path import VE, VP


@pytest.mark.parametrize("path", [VE(), VP()])
def test_every_head_of_one_denoiser_gives_the_same_image(path, make_mixture):
    denoise = make_mixture((3, 4), 3, 1.0, 0).prior(path).denoise
    a, b = path.a, path.b

    def eps(x, t):
        return (x - a(t) * denoise(x, t)) / b(t)

    heads = [
        from_x0(denoise, path),
        from_eps(eps, path),
        from_v(lambda x, t: a(t) * eps(x, t) - b(t) * denoise(x, t), path),
        from_score(lambda x, t: -eps(x, t) / b(t), path),
    ]
    x = torch.randn(5, 3, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    for t in path.level(torch.tensor([0.01, 0.3, 5.0], dtype=torch.float64)):
        for head in heads:
            assert torch.allclose(head(x, t), denoise(x, t), atol=1e-10)


def test_score_head_takes_the_gradient_of_the_log_density(make_mixture):
    """The score of one Gaussian, by hand: s = -x / (v + sigma^2) per real component."""
    gaussian, path = make_mixture((2, 3), 1, 0.0, 0), VE()
    x = torch.randn(4, 2, 3, dtype=torch.complex128, generator=torch.Generator().manual_seed(2))
    t = torch.tensor(0.7, dtype=torch.float64)
    by_score = from_score(lambda x, t: -x / (0.25 + t**2), path)
    assert torch.allclose(by_score(x, t), gaussian.prior(path).denoise(x, t), atol=1e-12)
