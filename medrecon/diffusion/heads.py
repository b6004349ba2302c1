"""Network heads brought to one form: a `Denoiser` `(x, t) -> x0` on any affine path.

With x_t = a x0 + b e a network may have been taught x0, e, v = a e - b x0 or the score s = -e / b; all four hold
the same knowledge. Every estimate is complex, `(…, y, x)`, and the noise e is standard normal per real component;
t is one level, or one for each image.
"""

from collections.abc import Callable

from torch import Tensor

from medrecon.diffusion.path import AffinePath

Denoiser = Callable[[Tensor, Tensor], Tensor]
Network = Callable[[Tensor, Tensor], Tensor]


def from_x0(network: Network, _: AffinePath) -> Denoiser:
    """The head already is a denoiser."""
    return network


def from_eps(network: Network, path: AffinePath) -> Denoiser:
    """x0 = (x - b e) / a (Ho et al. 2020)."""
    return lambda x, t: path.clean(x, network(x, t), t[..., None, None])


def from_v(network: Network, path: AffinePath) -> Denoiser:
    """x0 = (a x - b v) / (a^2 + b^2); on VP the denominator is 1 (Salimans and Ho 2022, Eq. 9 ff.)."""

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        a, b = path.a(t[..., None, None]), path.b(t[..., None, None])
        return (a * x - b * network(x, t)) / (a**2 + b**2)

    return denoise


def from_score(network: Network, path: AffinePath) -> Denoiser:
    """x0 = (x + b^2 s) / a: Tweedie's formula, the score taken per real component (Song et al. 2021)."""

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        level = t[..., None, None]
        return (x + path.b(level) ** 2 * network(x, t)) / path.a(level)

    return denoise
