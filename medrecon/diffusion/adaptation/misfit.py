"""How far an image's k-space is from the samples: on those that are fitted and on those that are withheld."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from medrecon.problem import Problem

AXES = (-2, -1)


class Losses(NamedTuple):
    """`(n,)` each.

    Attributes
    ----------
    fit, held : mean |A x - y| of the samples that are fitted, and withheld, in units of their mean |y|.
    fit_power, held_power : mean |A x - y|^2 of a complex sample; of withheld ones 0 where there are none.
    noise_power : that of the noise, 2 sigma^2.
    """

    fit: Tensor
    held: Tensor
    fit_power: Tensor
    held_power: Tensor
    noise_power: Tensor


class Samples(NamedTuple):
    """What the misfit of `n` slices rests on, as tensors that a recorded graph can be given.

    Zero frequency and zero position lie at index 0, which saves the shifts of the transform; lines without any sample
    are left out of k-space.

    Attributes
    ----------
    maps : `(n, coil, y, x)`.
    kspace : `(n, coil, ky, kx)` of the lines that have samples.
    fit, held : `(n, 1, ky, kx)` 1 at samples that are fitted, and withheld.
    levels : `(n, 4)` what sums over samples are divided by, in the order of `Losses`.
    noise_power : `(n,)` of a complex sample, model error included.
    """

    maps: Tensor
    kspace: Tensor
    fit: Tensor
    held: Tensor
    levels: Tensor
    noise_power: Tensor


@final
class Misfit:
    """The l1 norm of complex samples (AdaDiff), a mean over *sampled* entries, in units of the data (A.14)."""

    def __init__(self, mask: Tensor) -> None:
        mask = torch.fft.ifftshift(mask)
        self.lines = {axis: _lines(mask, axis) for axis in AXES}
        # the axis that loses most lines first
        self.order = sorted(AXES, key=lambda axis: len(self.lines[axis]) / mask.shape[axis])
        self.mask = self._kept(mask)

    def samples(self, problem: Problem, held: Tensor | None = None) -> Samples:
        """Of a problem under this mask; `held` `(n, y, x)` bool are withheld from the fit."""
        n = problem.n_slices
        kspace = self._kept(torch.fft.ifftshift(problem.kspace, AXES))
        apart = self.mask.new_zeros((n, *self.mask.shape))
        if held is not None:
            apart = self._kept(torch.fft.ifftshift(held, AXES)) & self.mask
        fit, apart = (points[:, None].to(kspace.real) for points in (self.mask & ~apart, apart))
        sums = [(kspace.abs() * points).sum((1, 2, 3)) for points in (fit, apart)]
        counts = [points.sum((1, 2, 3)) * kspace.shape[1] for points in (fit, apart)]
        levels = torch.stack([*sums, *counts], 1).clamp(min=torch.finfo(fit.dtype).tiny)
        noise_power = 2 * problem.data_sigma**2
        return Samples(torch.fft.ifftshift(problem.maps, AXES), kspace, fit, apart, levels, noise_power)

    def __call__(self, image: Tensor, samples: Samples) -> Losses:
        """Of `(n, y, x)` complex images."""
        k = samples.maps * torch.fft.ifftshift(image, AXES)[:, None]
        for axis in self.order:
            k = torch.fft.fft(k, dim=axis, norm="ortho")
            k = k if len(self.lines[axis]) == k.shape[axis] else k.index_select(axis, self.lines[axis])
        error = (k - samples.kspace).abs()
        power = error.detach().square()
        parts = ((error, samples.fit), (error, samples.held), (power, samples.fit), (power, samples.held))
        sums = torch.stack([(what * points).sum((1, 2, 3)) for what, points in parts], 1)
        fit, held, fit_power, held_power = (sums / samples.levels).unbind(1)
        return Losses(fit, held, fit_power, held_power, samples.noise_power)

    def _kept(self, points: Tensor) -> Tensor:
        for axis, lines in self.lines.items():
            points = points.index_select(axis, lines)
        return points


def _lines(mask: Tensor, axis: int) -> Tensor:
    """Indices along `axis` at which anything was sampled."""
    return mask.any(-3 - axis).nonzero().flatten()
