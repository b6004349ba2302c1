import pytest
import torch

from medrecon.diffusion.analytic import GaussianMixture


def mixture(shape, components, decades, seed):
    """Random means and orthogonal eigenbases; eigenvalues log-uniform over `decades`, mean 1/4."""
    generator, d = torch.Generator().manual_seed(seed), 2 * shape[0] * shape[1]
    covariances = []
    for _ in range(components):
        basis = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64, generator=generator))[0]
        values = 10 ** (-decades * torch.rand(d, dtype=torch.float64, generator=generator))
        covariances.append(basis @ torch.diag(values / values.mean() / 4) @ basis.T)
    spread = 0.5 if components > 1 else 0.0
    means = spread * torch.randn(components, d, dtype=torch.float64, generator=generator)
    weights = torch.full((components,), 1 / components, dtype=torch.float64)
    return GaussianMixture(shape, weights, means, torch.stack(covariances))


@pytest.fixture
def make_mixture():
    return mixture
