"""Slices of several scans in one batch: what a method does to each of their Problems, in fewer and fuller steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from medrecon.diffusion.streams import Streams
from medrecon.mri.drawing import Drawing, _by_sample, _draw
from medrecon.mri.hfs import HFS
from medrecon.mri.method import Method, Solution
from medrecon.mri.sense import Sense
from medrecon.mri.spirit_linear import SpiritLinear
from medrecon.mri.tv import TotalVariation
from medrecon.mri.wavelet import Wavelet
from medrecon.mri.zero_filled import ZeroFilled
from medrecon.progress import silent

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.problem import Problem

NAMELESS = (Sense, SpiritLinear, TotalVariation, Wavelet, ZeroFilled)
"""Methods that never ask which scan a slice belongs to."""


def can_share(method: Method) -> bool:
    """Whether slices of several scans can be given to `method` at once."""
    return isinstance(method, (Drawing, *NAMELESS))


def solve_together(
    method: Method, problems: Sequence[Problem], *, prior: Prior | None, seed: int, most: int
) -> list[Solution]:
    """The solution of every problem, all on one device.

    Those that are alike (matrix, coils, kernel, low band) are solved in batches of at most `most` images, whichever
    they belong to; others on their own. Masks and random streams are those of each scan, so that images are those of
    `method.solve` but for rounding, and on the CPU, where diffusion methods take one image at a time, its bits. k-space
    of the coils is left out. `method` is one that `can_share`.
    """
    found: dict[int, Solution] = {}
    for members in _alike(method, problems):
        group = [problems[i] for i in members]
        whole = _solved(method, Joint.of(group), prior, seed, most)
        found |= dict(zip(members, _parted(whole, [p.n_slices for p in group]), strict=True))
    return [found[i] for i in range(len(problems))]


@final
@dataclass(frozen=True, eq=False)
class Joint:
    """Problems as one, and what each of its slices has from the scan that it belongs to.

    problem : of all slices; its mask, scale and case mean nothing.
    masks, cases : one a slice; slices of equal masks have one tensor.
    """

    problem: Problem
    masks: tuple[Tensor, ...]
    cases: tuple[str, ...]

    @staticmethod
    def of(problems: Sequence[Problem]) -> Joint:
        """Of problems that are alike; of their centres all hold the smallest."""
        per_slice = {
            f.name: torch.cat([getattr(p, f.name) for p in problems])
            for f in fields(problems[0])
            if f.name != "mask" and isinstance(getattr(problems[0], f.name), Tensor)
        }
        known: dict[bytes, Tensor] = {}
        own = [known.setdefault(_content(p.mask), p.mask) for p in problems]
        masks = tuple(mask for mask, p in zip(own, problems, strict=True) for _ in p.slice_ids)
        cases = tuple(p.case for p in problems for _ in p.slice_ids)
        ids = tuple(i for p in problems for i in p.slice_ids)
        height, width = (min(sizes) for sizes in zip(*(p.acs for p in problems), strict=True))
        return Joint(replace(problems[0], **per_slice, slice_ids=ids, scale=1.0, acs=(height, width)), masks, cases)

    def select(self, part: slice) -> Joint:
        return Joint(self.problem.select(part), self.masks[part], self.cases[part])

    def repeated(self, samples: int = 1) -> Problem:
        """Every slice `samples` times, the sample running fastest; for one pass of a method, which may not split it.

        The mask is `(y, x)` where all slices have the same, else one for each image: `(slice, coil, y, x)`.
        """
        problem = self.problem if samples == 1 else self.problem.repeat(samples)
        if len({id(mask) for mask in self.masks}) == 1:
            return replace(problem, mask=self.masks[0])
        own = torch.stack(self.masks).repeat_interleave(samples, 0)
        return replace(problem, mask=own[:, None].expand(problem.kspace.shape))

    def streams(self, seed: int, draws: range) -> Streams:
        """Those of every slice and draw, the draw running fastest."""
        each = [
            Streams(seed, case, [i] * len(draws), draws)
            for case, i in zip(self.cases, self.problem.slice_ids, strict=True)
        ]
        joined = copy(each[0])
        joined.keys = torch.cat([s.keys for s in each], 1)
        joined.signs = torch.cat([s.signs for s in each])
        return joined.to(self.problem.device)


def _alike(method: Method, problems: Sequence[Problem]) -> Iterator[list[int]]:
    """Numbers of the problems of each kind."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for i, p in enumerate(problems):
        kernel = None if p.kernel is None else tuple(p.kernel.shape[1:])
        kind = (tuple(p.kspace.shape[1:]), kernel, p.phase_axes, *_asked(method, p))
        kinds.setdefault(kind, []).append(i)
    yield from kinds.values()


def _asked(method: Method, problem: Problem) -> tuple[object, ...]:
    """What else of a problem a method wants to be the same for all slices of a pass."""
    if isinstance(method, HFS):
        return (method.lines(problem),)  # the low band, which the centre's size decides
    # takes slices apart, and gains nothing from sharing
    return (_content(problem.mask),) if isinstance(method, SpiritLinear) else ()


def _content(mask: Tensor) -> bytes:
    return mask.cpu().numpy().tobytes()


def _solved(method: Method, joint: Joint, prior: Prior | None, seed: int, most: int) -> Solution:
    if isinstance(method, Drawing) and prior is not None:
        return _drawn(replace(method, batch=min(method.batch, most)), joint, prior, seed)
    slices = (slice(a, min(a + most, joint.problem.n_slices)) for a in range(0, joint.problem.n_slices, most))
    pieces = [method.solve(joint.select(part).repeated(), prior=prior, seed=seed) for part in slices]
    return replace(pieces[0], samples=torch.cat([p.samples for p in pieces], 1), coil_kspace=None)


def _drawn(method: Drawing, joint: Joint, prior: Prior, seed: int) -> Solution:
    """`Drawing.solve` for slices of several scans."""
    problem = joint.problem
    images = problem.kspace.new_empty((method.samples, *problem.image_shape))
    with torch.no_grad():
        for slices, draws in method._batches(problem):
            part = joint.select(slices)
            repeated = part.repeated(len(draws))
            local = method.local(repeated, prior)
            data = method.data_step(repeated, local)
            draw = _draw(repeated, method.sampler(repeated, local), data, local, part.streams(seed, draws), silent)
            images[draws.start : draws.stop, slices] = _by_sample(draw.image, draws)
    temperature = 1.0 if method.annealing is None else prior.temperature or 1.0
    return Solution(images, calls=method.calls, temperature=temperature)


def _parted(whole: Solution, slices: Sequence[int]) -> list[Solution]:
    """What belongs to each of the scans, of so many slices."""
    return [replace(whole, samples=samples) for samples in whole.samples.split(list(slices), 1)]
