"""Samples that `fdmr` withholds, of all slices at once: those that each by itself would draw one after the other."""

import dataclasses

import pytest
import torch
from problems import make_problem

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.mri.fdmr.holdout import _seed, withheld_samples, without
from medrecon.mri.fdmr.joined import joined
from medrecon.problem import Problem

N, SHAPE = 4, (24, 27)


def with_mask(mask: torch.Tensor, axes: tuple[str, ...], acs: tuple[int, int], kernel: tuple[int, int]) -> Problem:
    made = make_problem(n_slices=N, coils=2, shape=SHAPE)[0]
    kernels = torch.zeros(N, 2, 2, *kernel, dtype=torch.complex64)
    return dataclasses.replace(
        made.with_kspace(made.kspace * mask, mask), phase_axes=axes, acs=acs, kernel=kernels, slice_ids=(7, 0, 3, 12)
    )


def lines_of(axis: str, partial: bool = False) -> Problem:
    """Half of the lines and six of the centre; `partial`, a readout of which a part is missing."""
    i = "yx".index(axis)
    lines = torch.rand(SHAPE[i], generator=torch.Generator().manual_seed(3)) < 0.5
    lines[SHAPE[i] // 2 - 3 : SHAPE[i] // 2 + 3] = True
    mask = (lines[:, None] if axis == "y" else lines[None, :]).expand(SHAPE).clone()
    if partial:
        (mask if axis == "x" else mask.T)[:7] = False
    return with_mask(mask, (axis,), (6, SHAPE[1]) if axis == "y" else (SHAPE[0], 6), (5, 5))


def points_of(kernel: tuple[int, int], density: float) -> Problem:
    mask = torch.rand(SHAPE, generator=torch.Generator().manual_seed(4)) < density
    mask[9:15, 10:16] = True
    return with_mask(mask, ("y", "x"), (6, 6), kernel)


def one_by_one(problem: Problem, share: float, seed: int) -> torch.Tensor:
    """Each slice by itself, a line or block after the other until there are enough."""
    samples = problem.mask.clone()
    windows = [centred(n, size) for n, size in zip(SHAPE, problem.acs, strict=True)]
    whole = [axis not in problem.phase_axes for axis in "yx"]
    samples[tuple(slice(None) if w else window for w, window in zip(whole, windows, strict=True))] = False
    drawn = []
    for number in problem.slice_ids:
        generator = torch.Generator().manual_seed(_seed(seed, problem.case, number))
        way = lines_one_by_one if len(problem.phase_axes) == 1 else blocks_one_by_one
        drawn.append(way(problem, samples, share, generator))
    return torch.stack(drawn)


def lines_one_by_one(problem: Problem, samples: torch.Tensor, share: float, generator: torch.Generator):
    axis = "yx".index(problem.phase_axes[0])
    candidates = samples.any(1 - axis).nonzero().flatten()
    outside = int(problem.mask.any(1 - axis).sum()) - problem.acs[axis]
    count = max(1, round(max(share, min(3 / outside, 0.5)) * len(candidates)))
    chosen = torch.zeros_like(samples)
    for i in candidates[torch.randperm(len(candidates), generator=generator)[:count]]:
        chosen.select(axis, int(i)).copy_(samples.select(axis, int(i)))
    return chosen


def blocks_one_by_one(problem: Problem, samples: torch.Tensor, share: float, generator: torch.Generator):
    points, chosen = samples.nonzero(), torch.zeros_like(samples)
    sides = (5, 5) if problem.kernel is None else problem.kernel.shape[-2:]
    for i in torch.randperm(len(points), generator=generator):
        window = tuple(
            slice(max(int(p) - n // 2, 0), int(p) - n // 2 + n) for p, n in zip(points[i], sides, strict=True)
        )
        chosen[window] = samples[window]
        if int(chosen.sum()) >= share * int(samples.sum()):
            break
    return chosen


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.77])
@pytest.mark.parametrize(
    "problem",
    [
        lines_of("x"), lines_of("y"), lines_of("x", True), lines_of("y", True),
        points_of((5, 5), 0.4), points_of((4, 3), 0.4), points_of((2, 6), 0.7), points_of((1, 1), 0.2),
    ],
    ids=["x", "y", "partial x", "partial y", "5 x 5", "4 x 3", "2 x 6", "points"],
)  # fmt: skip
def test_all_slices_at_once_are_those_of_each_by_itself(problem, share):
    for seed in range(5):
        found = withheld_samples(problem, share, seed)
        assert found.dtype == torch.bool
        assert torch.equal(found, one_by_one(problem, share, seed))


def test_blocks_of_five_where_there_is_no_kernel():
    problem = points_of((5, 5), 0.4)
    bare = dataclasses.replace(problem, kernel=None)
    assert torch.equal(withheld_samples(bare, 0.1, 0), one_by_one(problem, 0.1, 0))


@pytest.mark.parametrize("axes", [("x",), ("y", "x")])
def test_a_centre_alone_has_nothing_to_withhold(axes):
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[slice(None) if len(axes) == 1 else slice(9, 15), 10:16] = True
    with pytest.raises(InputError, match="--stop"):
        withheld_samples(with_mask(mask, axes, (SHAPE[0] if len(axes) == 1 else 6, 6), (5, 5)), 0.1, 0)


def test_joined_problems_are_each_as_it_was():
    problem = lines_of("x")
    kept = without(problem, withheld_samples(problem, 0.3, 0))
    both = joined(kept, problem)
    assert both.image_shape == (2 * N, *SHAPE)
    assert both.slice_ids == 2 * problem.slice_ids
    for half, whole in ((both.select(slice(0, N)), kept), (both.select(slice(N, 2 * N)), problem)):
        for name in ("kspace", "maps", "support", "noise", "model_error", "kernel", "intensity"):
            assert torch.equal(getattr(half, name), getattr(whole, name))
    x = torch.randn(N, *SHAPE, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    seen = both.forward(torch.cat([x, x]))
    assert torch.equal(seen[:N], kept.forward(x))
    assert torch.equal(seen[N:], problem.forward(x))
    assert not torch.equal(seen[:N], seen[N:])
