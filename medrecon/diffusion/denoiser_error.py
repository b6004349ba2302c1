"""How far a denoiser is from the truth at each level: the spread of x0 given x_t that a posterior draw needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.path import AffinePath


@final
@dataclass(frozen=True)
class DenoiserError:
    """Root mean square of D(x_t) - x0 per real component as a function of sigma, log-log linear between its levels.

    Below the lowest level it falls in proportion to sigma, as noise does that is hardly removed; above the highest it
    stays, as the images' own deviation does.

    Attributes
    ----------
    levels : sigma, ascending.
    errors : one a level.
    """

    levels: tuple[float, ...]
    errors: tuple[float, ...]

    def __post_init__(self) -> None:
        ascending = all(low < high for low, high in zip(self.levels, self.levels[1:], strict=False))
        if len(self.levels) != len(self.errors) or len(self.levels) < 2 or not ascending:
            raise ValueError("a denoiser's error needs two or more ascending levels and one error for each")
        if min(self.levels[0], *self.errors) <= 0:
            raise ValueError("levels and errors of a denoiser are above 0")

    def __call__(self, sigma: Tensor) -> Tensor:
        """Errors at `sigma`, of its shape."""
        x, y = (torch.tensor(v, dtype=sigma.dtype, device=sigma.device).log() for v in (self.levels, self.errors))
        at = sigma.log()
        right = torch.bucketize(at, x).clamp(1, len(x) - 1)
        share = ((at - x[right - 1]) / (x[right] - x[right - 1])).clamp(0, 1)
        below = (at - x[0]).clamp(max=0)
        return (y[right - 1] + share * (y[right] - y[right - 1]) + below).exp()


@torch.no_grad()
def measured_error(
    denoise: Callable[[Tensor, Tensor], Tensor],
    path: AffinePath,
    images: Sequence[Tensor],
    levels: Sequence[float],
    generator: torch.Generator,
    where: Sequence[Tensor] | None = None,
) -> DenoiserError:
    """The denoiser's error on clean `images`, each a batch `(n, y, x)`; on CPU.

    `where` are masks of their shapes: pixels to count. Of MR images that is the foreground, since a mean over air,
    where there is next to no error, would promise too much of the head.
    """
    masks = [torch.ones(x.shape, dtype=torch.bool) for x in images] if where is None else where
    errors = []
    for sigma in levels:
        t = path.level(torch.tensor(sigma, dtype=images[0].real.dtype))
        total, count = 0.0, 0
        for x, mask in zip(images, masks, strict=True):
            noise = torch.randn((*x.shape, 2), dtype=x.real.dtype, generator=generator)
            seen = path.a(t) * x + path.b(t) * torch.view_as_complex(noise)
            total += float((denoise(seen, t.expand(len(x))) - x)[mask].abs().square().sum()) / 2
            count += int(mask.sum())
        errors.append((total / count) ** 0.5)
    return DenoiserError(tuple(map(float, levels)), tuple(errors))
