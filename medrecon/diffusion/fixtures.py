"""Problems with exact posteriors through a real multi-coil operator, and what draws are worth on them.

Evaluation.md 5: a sampler may call itself a posterior's if on these, at its default step count and sigma 0.02 and 0.1,
the mean is off by at most 0.2 posterior deviations, the total variance is right to 15 %, and at least 60 % of it is
there in the measured subspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.analytic import GaussianMixture, dense, to_real
from medrecon.diffusion.annealing import Annealing
from medrecon.diffusion.band_denoiser import restricted
from medrecon.diffusion.datasteps import HighBand, NoiseWeighted, PosteriorStep, SelfConsistent
from medrecon.diffusion.grids import Karras
from medrecon.diffusion.integrators import DDIM
from medrecon.diffusion.path import VP
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Sampler
from medrecon.operators import Coils, Fourier, HighPass, LinearOperator, Mask
from medrecon.problem import Problem

SHAPE = (3, 6)
SIGMAS = (0.02, 0.1)
DECADES = {"mild": 0.5, "anisotropic": 2.0}
KINDS = tuple((components, kind) for components in (1, 4) for kind in DECADES)
"""Components of the mixture, and over how many decades the eigenvalues of their covariances spread."""


def mixture(shape: tuple[int, int], components: int, decades: float, seed: int) -> GaussianMixture:
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


def band() -> HighPass:
    """F_h outside one line, half of the sampled centre."""
    return HighPass(SHAPE, 1, ("x",))


def banded(images: GaussianMixture) -> GaussianMixture:
    """The same mixture with nothing in that line, which is then known: HFS-SDE's state of knowledge."""
    projector = dense(band(), images.shape)
    floor = 1e-12 * torch.eye(len(projector), dtype=projector.dtype)
    covariances = projector @ images.covariances @ projector + floor
    return GaussianMixture(images.shape, images.weights, images.means @ projector, (covariances + covariances.mT) / 2)


def scanner() -> tuple[Tensor, Tensor]:
    """Maps `(coil, y, x)` and mask: two smooth coils, two of six columns, 24 of 36 real components measured."""
    generator = torch.Generator().manual_seed(3)
    c = torch.randn(3, 2, 1, 1, dtype=torch.complex128, generator=generator)
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, n, dtype=torch.float64) for n in SHAPE), indexing="ij")
    maps = c[0] + 0.5 * c[1] * y + 0.5 * c[2] * x
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, 2:4] = True
    return maps / maps.abs().square().sum(0).sqrt(), mask


def as_problem(kspace: Tensor, sigma: float) -> Problem:
    """The scanner's k-space `(slice, coil, y, x)` with noise `sigma` and exact maps."""
    (maps, mask), n = scanner(), len(kspace)
    each, ones = torch.ones(n, dtype=torch.float64), torch.ones(n, *SHAPE)
    return Problem(
        kspace, mask, maps.expand(n, *maps.shape), ones.bool(), sigma * each, 0 * each, None, each, each, ones, 1.0,
        ("x",), (3, 2), tuple(range(n)),
    )  # fmt: skip


@dataclass(frozen=True)
class Ratios:
    """bias in posterior standard deviations; variances over the exact ones; residual over the noise."""

    bias: float
    total: float
    measured: float
    residual: float

    @property
    def posterior(self) -> bool:
        """The criteria of evaluation.md 5."""
        return self.bias <= 0.2 and 0.85 <= self.total <= 1.15 and self.measured >= 0.6


@final
@dataclass(frozen=True, eq=False)
class Fixture:
    """Measured images of a mixture.

    Attributes
    ----------
    mixture, sigma : the images' distribution, and the noise per real component.
    problems, samples : measured images, and draws of each.
    generator : of all that the fixture and those who draw on it need.
    """

    mixture: GaussianMixture
    sigma: float
    generator: torch.Generator
    problems: int = 12
    samples: int = 32

    @cached_property
    def forward(self) -> LinearOperator:
        maps, mask = scanner()
        return Mask(mask) @ Fourier(tuple(maps.shape)) @ Coils(maps)

    @cached_property
    def problem(self) -> Problem:
        """Each image `samples` times."""
        y = self.forward(self.mixture.sample(self.problems, self.generator))
        noise = torch.randn(y.shape, dtype=y.dtype, generator=self.generator)
        y = y + self.sigma * 2**0.5 * noise * scanner()[1]
        return as_problem(y, self.sigma).repeat(self.samples)

    def empty(self) -> Tensor:
        return torch.zeros(self.problem.image_shape, dtype=torch.complex128)

    def normal(self, n: int) -> Tensor:
        """`(slice, n, y, x)` complex, unit variance per real component."""
        shape = (self.problem.n_slices, n, *SHAPE)
        return 2**0.5 * torch.randn(shape, dtype=torch.complex128, generator=self.generator)

    def annealed(self, annealing: Annealing, prior: Prior, data: PosteriorStep) -> Tensor:
        """Draws of the posterior `(problems * samples, y, x)`, from noise around the Gaussian estimate."""
        path, spread = prior.path, annealing.start * prior.variance**0.5
        levels = Karras(annealing.rho)(path, spread, annealing.end * self.sigma, annealing.steps)
        t = levels[0]
        x = path.a(t) * data(self.empty(), path.sigma(t)) + path.b(t) * self.normal(1)[:, 0]
        spreads = prior.spread(path.sigma(levels[:-1]))
        sampler = Sampler(path, levels, DDIM(), 1.0, annealing=annealing, spreads=spreads)
        return sampler(x, prior.denoise, data, lambda _: self.normal(1 + data.normals)).image

    def ratios(self, images: Tensor) -> Ratios:
        """Of draws `(problems * samples, y, x)` of `problem`; the noise of the sample mean is taken off the bias."""
        a = dense(self.forward, SHAPE)
        power, vectors = torch.linalg.eigh(a.mT @ a)
        seen = vectors[:, power / self.sigma**2 > 1 / self.mixture.variance]
        sums = torch.zeros(5, dtype=torch.float64)
        data = self.problem.kspace[:: self.samples]
        for y, drawn in zip(data, to_real(images).unflatten(0, (-1, self.samples)), strict=True):
            exact = self.mixture.posterior(self.forward, y, self.sigma)
            off = (drawn.mean(0) - exact.mean).square().sum() - drawn.var(0).sum() / self.samples
            inside = seen.mT @ exact.covariance @ seen
            sums += torch.stack(
                [off, drawn.var(0).sum(), exact.covariance.trace(), (drawn @ seen).var(0).sum(), inside.trace()]
            )
        off, total, exact_total, measured, exact_measured = sums.tolist()
        misfit = self.problem.forward(images) - self.problem.kspace
        residual = misfit.abs().square().mean() / (2 * self.sigma**2 * self.problem.mask.double().mean())
        bias = (max(off, 0) / exact_total) ** 0.5
        return Ratios(bias, total / exact_total, measured / exact_measured, float(residual))


def weighted(problem: Problem, variance: float, iterations: int) -> NoiseWeighted:
    """The noise-weighted step: its Gaussian data posterior is exact on every fixture."""
    return NoiseWeighted(problem, variance, iterations)


def high_band(problem: Problem, variance: float, iterations: int) -> HighBand:
    """The step of `hfs` outside an empty low band."""
    return HighBand(problem, band(), problem.kspace.new_zeros(problem.image_shape), variance, iterations)


def band_prior(images: GaussianMixture) -> Prior:
    """The exact denoiser of `banded` images on the path of `hfs`, its error shared out among the band's components."""
    prior = restricted(images.prior(VP()), band(), torch.zeros(SHAPE, dtype=torch.complex128))
    assert prior.error is not None
    share = 1 - float(band().fractions.prod())
    errors = tuple(error / share**0.5 for error in prior.error.errors)
    return replace(prior, error=replace(prior.error, errors=errors))


def consistent(problem: Problem, variance: float, iterations: int) -> SelfConsistent:
    """Maps that explain everything, and a kernel that knows no more than they do: W = I - S S^H."""
    exact = replace(problem, off_range=1e-4 * problem.noise**2, inconsistency=1e-2 * problem.noise**2)
    outer = torch.einsum("sayx,sbyx->sabyx", problem.maps, problem.maps.conj())
    w = torch.eye(outer.shape[1], dtype=outer.dtype)[:, :, None, None] - outer
    return SelfConsistent(exact, w, variance, iterations, draws=True)
