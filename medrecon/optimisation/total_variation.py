"""Isotropic total variation of complex images: differences and denoising."""

import torch
from torch import Tensor


def differences(x: Tensor) -> Tensor:
    """Forward differences of `(…, y, x)` along y and x, stacked in front; zero past the last sample."""
    out = x.new_zeros((2, *x.shape))
    torch.sub(x[..., 1:, :], x[..., :-1, :], out=out[0, ..., :-1, :])
    torch.sub(x[..., :, 1:], x[..., :, :-1], out=out[1, ..., :, :-1])
    return out


def differences_adjoint(p: Tensor) -> Tensor:
    """Transpose of `differences`: minus the divergence."""
    out = torch.zeros_like(p[0])
    down, right = p[0, ..., :-1, :], p[1, ..., :, :-1]
    out[..., :-1, :] -= down
    out[..., 1:, :] += down
    out[..., :, :-1] -= right
    out[..., :, 1:] += right
    return out


def total_variation(x: Tensor) -> Tensor:
    """Sum over pixels of sqrt(|d_y x|^2 + |d_x x|^2), shape `(…,)`."""
    return _length(differences(x)).sum((-2, -1))


class TotalVariationProx:
    """argmin_x |x - b|^2 / 2 + weight TV(x) by fast gradient projection on the dual (Beck and Teboulle 2009b).

    `weight` is broadcast against images `(…, y, x)`. The dual field is kept from call to call (`warm start`), so
    that few `iterations` do inside an outer solver; one object serves one solve.
    """

    def __init__(self, weight: Tensor, iterations: int) -> None:
        self.weight, self.iterations = weight, iterations
        self.dual: Tensor | None = None

    def __call__(self, b: Tensor) -> Tensor:
        dual = b.new_zeros((2, *b.shape)) if self.dual is None else self.dual
        extrapolated, t = dual, 1.0
        for _ in range(self.iterations):
            image = b - differences_adjoint(extrapolated)
            # 8 bounds the norm of D^H D
            previous, dual = dual, self._project(extrapolated + differences(image) / 8)
            t, t_previous = (1 + (1 + 4 * t * t) ** 0.5) / 2, t
            extrapolated = dual + ((t_previous - 1) / t) * (dual - previous)
        self.dual = dual
        return b - differences_adjoint(dual)

    def _project(self, p: Tensor) -> Tensor:
        length = _length(p)
        return p * (self.weight / torch.maximum(length, self.weight).clamp(min=torch.finfo(length.dtype).tiny))


def _length(p: Tensor) -> Tensor:
    """Euclidean length of two complex components."""
    return (p[0].abs().square() + p[1].abs().square()).sqrt()
