"""Isotropic total variation of complex images: differences and denoising."""

import torch
from torch import Tensor

from medrecon.optimisation.fista import momenta


def differences(x: Tensor) -> Tensor:
    """Forward differences of `(…, y, x)` along y and x, stacked in front; zero past the last sample."""
    out = x.new_zeros((2, *x.shape))
    torch.sub(x[..., 1:, :], x[..., :-1, :], out=out[0, ..., :-1, :])
    torch.sub(x[..., :, 1:], x[..., :, :-1], out=out[1, ..., :, :-1])
    return out


def differences_adjoint(p: Tensor) -> Tensor:
    """Transpose of `differences`: minus the divergence."""
    return -minus_adjoint(torch.zeros_like(p[0]), p)


def minus_adjoint(x: Tensor, p: Tensor) -> Tensor:
    """`x` minus the `differences_adjoint` of `p`, in the fewest passes."""
    out = x.clone()
    down, right = p[0, ..., :-1, :], p[1, ..., :, :-1]
    out[..., :-1, :].add_(down)
    out[..., 1:, :].sub_(down)
    out[..., :, :-1].add_(right)
    out[..., :, 1:].sub_(right)
    return out


def total_variation(x: Tensor) -> Tensor:
    """Sum over pixels of sqrt(|d_y x|^2 + |d_x x|^2), shape `(…,)`."""
    return _length(differences(x)).sum((-2, -1))


class TotalVariationProx:
    """argmin_x |x - b|^2 / 2 + weight TV(x) by fast gradient projection on the dual (Beck and Teboulle 2009b).

    `weight` is broadcast against images `(…, y, x)`. A call returns the image and the dual field `(2, …, y, x)`; from
    the one given to the next call that call goes on (`warm start`), so that few `iterations` do inside an outer solver.
    """

    def __init__(self, weight: Tensor, iterations: int) -> None:
        self.weight, self.momenta = weight, momenta(iterations)
        self.floor = weight.clamp(min=torch.finfo(weight.dtype).tiny)

    def __call__(self, b: Tensor, dual: Tensor | None = None) -> tuple[Tensor, Tensor]:
        dual = b.new_zeros((2, *b.shape)) if dual is None else dual
        extrapolated = dual
        for momentum in self.momenta:
            slope = differences(minus_adjoint(b, extrapolated))
            # 8 bounds the norm of D^H D
            previous, dual = dual, self._project(torch.add(extrapolated, slope, alpha=1 / 8))
            extrapolated = torch.lerp(previous, dual, 1 + momentum)
        return minus_adjoint(b, dual), dual

    def _project(self, p: Tensor) -> Tensor:
        return p * (self.weight / torch.maximum(_length(p), self.floor))


def _length(p: Tensor) -> Tensor:
    """Euclidean length of two complex components."""
    down, right = p.abs()
    return torch.hypot(down, right)
