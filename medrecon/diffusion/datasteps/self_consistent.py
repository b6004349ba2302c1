"""SPIRiT-Diffusion's data step: coil images that agree with prior, maps, neighbourhood in k-space, and data."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from medrecon.diffusion.datasteps.pixel_factor import PixelFactor, PixelNoise
from medrecon.diffusion.datasteps.step import PosteriorStep, trust
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SamplingNormal
from medrecon.problem import Problem

EXACT = 1e-6
"""Share of the noise variance below which errors of maps and kernel count as none; a blank slice has none at all."""


@final
class SelfConsistent(PosteriorStep):
    """Coil images x = F^-1 k of

        argmin |S^H x - u0|^2 / r_t^2 + |(I - S S^H) x|^2 / s_e^2 + mu |(G - I) k|^2 + |M k - y|^2 / sigma_y^2,

    and from them u0 = S^H x, by a fixed count of CG from S u0. The part outside the range of S starts from zero each
    time: carried from step to step it would be a memory without a prior.

    Times sigma_y^2 the equations are (N - I + w S S^H + F^H M F) x = w S u0 + F^H y with w = sigma_y^2 / r_t^2 and
    N = I + sigma_y^2 ((I - S S^H) / s_e^2 + mu W), a matrix at each pixel. In z = L^H x, N = L L^H, they are
    z + L^-1 (F^H M F - I + w S S^H) L^-H z: five iterations then come as close as twenty without L (12 coils, R = 4).

    Parameters
    ----------
    consistency : `(slice, coil, coil, y, x)` W(r) = (G(r) - I)^H (G(r) - I) of `operators.spirit`.
    variance : the prior's, per real component.
    draws : whether `draw` will be called, which needs a further factor of the size of `consistency`.

    sigma_y is the noise alone; the maps' error sits in s_e^2 = `problem.off_range`, the kernel's in
    1 / mu = `problem.inconsistency`.
    """

    history: ClassVar[Literal["conditional", "raw"]] = "conditional"

    def __init__(
        self, problem: Problem, consistency: Tensor, variance: float, iterations: int, *, draws: bool = False
    ) -> None:
        self.coils, self.sampled = problem.coils, SamplingNormal(problem.mask, tuple(problem.maps.shape))
        self.data = problem.sampling.H(problem.kspace)
        self.noise_variance = problem.noise[:, None, None] ** 2
        errors = _pixel_matrices(problem, consistency)
        self.factor = PixelFactor(torch.eye(errors.shape[-1], dtype=errors.dtype, device=errors.device) + errors)
        self.errors = PixelNoise(errors) if draws else None
        self.normals = 1 + 2 * problem.maps.shape[1]
        self.variance, self.iterations = variance, iterations
        self.tolerance = torch.finfo(self.data.dtype).eps

    def __call__(self, x0: Tensor, sigma: Tensor) -> Tensor:
        return self.coils.H(self.coil_images(x0, sigma))

    def coil_images(self, x0: Tensor, sigma: Tensor) -> Tensor:
        """`(slice, coil, y, x)` coil images of the combined estimate `x0`, off-range part included."""
        return self._solve(x0, self.data, trust(sigma, self.variance))

    def draw(self, x0: Tensor, sigma: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """The terms of maps and kernel are moved together, by noise of their summed covariance N - I."""
        if self.errors is None:
            raise ValueError("this SelfConsistent step was built without `draws`")
        seen, erring = noise[:, 1:].chunk(2, 1)
        moved = self.noise_variance.sqrt().unsqueeze(1) * (self.sampled(seen) + self.errors(erring))
        return self.coils.H(self._solve(x0 + spread * noise[:, 0], self.data + moved, sigma**2))

    def _solve(self, x0: Tensor, data: Tensor, pull: Tensor) -> Tensor:
        weight = self.noise_variance / pull

        def gram(z: Tensor) -> Tensor:
            x = self.factor.inverse_adjoint(z)
            return z + self.factor.inverse(self.sampled(x) - x + self.coils(weight * self.coils.H(x)))

        rhs = self.factor.inverse(data + self.coils(weight * x0))
        start = self.factor.adjoint(self.coils(x0))
        z = conjugate_gradient(gram, rhs, start, self.iterations, batch_axes=1, tolerance=self.tolerance)
        return self.factor.inverse_adjoint(z)


def _pixel_matrices(problem: Problem, consistency: Tensor) -> Tensor:
    """N - I `(slice, y, x, coil, coil)`."""
    maps, noise = problem.maps.movedim(1, -1), problem.noise**2
    errors = (v.maximum(EXACT * noise) for v in (problem.off_range, problem.inconsistency))
    off_range, mu = ((noise / v)[:, None, None, None, None] for v in errors)
    identity = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    projector = maps[..., :, None] * maps[..., None, :].conj()
    return off_range * (identity - projector) + mu * consistency.permute(0, 3, 4, 1, 2)
