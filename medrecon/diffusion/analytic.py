"""Priors whose denoiser and posterior are known in closed form: what samplers are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.denoiser_error import measured_error
from medrecon.diffusion.path import VE, AffinePath
from medrecon.diffusion.prior import Prior
from medrecon.operators.linear import LinearOperator

MEASURED_LEVELS, MEASURED_DRAWS = 17, 256
"""Levels between 1e-3 and 10, and images of each, on which a mixture's denoiser is measured."""


def to_real(x: Tensor) -> Tensor:
    """Complex `(…, y, x)` to real `(…, 2 y x)`: all real parts, then all imaginary ones."""
    return torch.cat([x.real.flatten(-2), x.imag.flatten(-2)], -1)


def to_complex(v: Tensor, shape: tuple[int, int]) -> Tensor:
    """Inverse of `to_real`."""
    real, imag = v.chunk(2, -1)
    return torch.complex(real, imag).unflatten(-1, shape)


@final
@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Mixture of K Gaussians on complex images of `shape` (y, x), seen as d = 2 y x real components.

    Attributes
    ----------
    shape : (y, x).
    weights : `(K,)`, sum 1.
    means : `(K, d)`.
    covariances : `(K, d, d)`.
    """

    shape: tuple[int, int]
    weights: Tensor
    means: Tensor
    covariances: Tensor

    @property
    def mean(self) -> Tensor:
        """`(d,)`."""
        return self.weights @ self.means

    @property
    def covariance(self) -> Tensor:
        """`(d, d)`: within the components and between them."""
        spread = self.means - self.mean
        within = torch.einsum("k,kij->ij", self.weights, self.covariances)
        return within + torch.einsum("k,ki,kj->ij", self.weights, spread, spread)

    @property
    def variance(self) -> float:
        """Mean square per real component about zero: the v of a Prior."""
        return float((self.covariance.trace() + self.mean @ self.mean) / len(self.mean))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """`(n, y, x)` independent draws."""
        which = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        z = torch.randn(n, self.means.shape[1], dtype=self.means.dtype, generator=generator)
        root = torch.linalg.cholesky(self.covariances)
        return to_complex(self.means[which] + torch.einsum("nij,nj->ni", root[which], z), self.shape)

    def prior(self, path: AffinePath | None = None, levels: tuple[float, float] = (1e-3, 50.0)) -> Prior:
        """The exact denoiser E[x0 | x_t] on `path` (VE unless given) as a Prior, its error measured on draws."""
        path = VE() if path is None else path
        values, vectors = torch.linalg.eigh(self.covariances)

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            level = t[..., None, None]
            sigma, u = path.sigma(level).to(values), to_real(x / path.a(level)).to(values)
            total = values + sigma**2
            parts = torch.einsum("kji,n...kj->n...ki", vectors, u.unsqueeze(-2) - self.means)
            log_odds = self.weights.log() - 0.5 * (total.log().sum(-1) + (parts**2 / total).sum(-1))
            shrunk = self.means + torch.einsum("kij,n...kj->n...ki", vectors, parts * values / total)
            best = (log_odds.softmax(-1).unsqueeze(-1) * shrunk).sum(-2)
            return to_complex(best, self.shape).to(x.dtype)

        generator = torch.Generator().manual_seed(0)
        measured = torch.logspace(-3, 1, MEASURED_LEVELS, dtype=torch.float64).tolist()
        error = measured_error(denoise, path, [self.sample(MEASURED_DRAWS, generator)], measured, generator)
        return Prior(denoise, path, self.variance, levels, error=error)

    def posterior(self, forward: LinearOperator, y: Tensor, sigma: float) -> GaussianMixture:
        """p(x | y) for y = A x + noise of standard deviation `sigma` per real component; A on one image `(y, x)`."""
        a, data = dense(forward, self.shape).to(self.means), _stack(y).to(self.means)
        moved = torch.einsum("mi,kij->kmj", a, self.covariances)
        seen = torch.einsum("kmj,nj->kmn", moved, a) + sigma**2 * torch.eye(len(a), dtype=a.dtype)
        gain = torch.linalg.solve(seen, moved).mT
        innovation = data - self.means @ a.T
        root = torch.linalg.cholesky(seen)
        white = torch.linalg.solve_triangular(root, innovation[..., None], upper=False)[..., 0]
        log_evidence = -0.5 * (white**2).sum(-1) - root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return GaussianMixture(
            self.shape,
            (self.weights.log() + log_evidence).softmax(0),
            self.means + torch.einsum("kim,km->ki", gain, innovation),
            self.covariances - gain @ moved,
        )


def dense(operator: LinearOperator, shape: tuple[int, int]) -> Tensor:
    """Real matrix `(m, d)` of an operator on images of `shape`, by applying it to every basis image."""
    basis = torch.eye(2 * shape[0] * shape[1], dtype=torch.float64)
    return torch.stack([_stack(operator(to_complex(column, shape))) for column in basis], 1)


def _stack(y: Tensor) -> Tensor:
    return torch.cat([y.real.flatten(), y.imag.flatten()])
