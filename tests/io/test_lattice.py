"""Borders and partial Fourier leave the lattice; undersampling does not, even at the edges."""

import numpy as np
import pytest
import torch

from medrecon.io.lattice import detect_lattice, detect_sampling


def lines(n, indices, width=20):
    mask = torch.zeros(n, width, dtype=torch.bool)
    mask[list(indices)] = True
    return mask


def covered(mask):
    where = detect_lattice(mask).any(1).nonzero().flatten()
    return int(where[0]), int(where[-1]) + 1


@pytest.mark.parametrize(("first", "last"), [(0, 64), (10, 64), (0, 45), (1, 63), (20, 40)])
def test_solid_patterns_are_their_own_lattice(first, last):
    assert covered(lines(64, range(first, last))) == (first, last)
    rows = torch.zeros(64, 48, dtype=torch.bool)
    rows[first:last, 5:40] = True
    assert torch.equal(detect_lattice(rows), rows)
    assert detect_sampling(rows).phase_axes == ("y",)


@pytest.mark.parametrize("gap", [2, 3, 4, 6])
def test_equispaced_with_partial_fourier(gap):
    """Edges up to the gap are chance; wider ones are not."""
    for offset in range(gap):
        whole = {*range(offset, 96, gap), *range(42, 54)}
        assert covered(lines(96, whole)) == (0, 96)
        partial = {i for i in whole if i >= 24}
        assert covered(lines(96, partial)) == (min(partial), 96)


def test_random_lines_keep_their_edges():
    """Variable density as in evaluation.md 1: chance leaves wide edges, and hardly one mask loses lattice by it."""
    rng = np.random.default_rng(0)
    k = (np.arange(256) - 128) / 128
    density = np.where(np.abs(np.arange(256) - 128) < 10, 0, np.exp(-(k**2) / 0.3))
    wrong = 0
    for _ in range(200):
        drawn = rng.choice(256, 44, replace=False, p=density / density.sum())
        wrong += covered(lines(256, {*drawn, *range(118, 138)}, 4)) != (0, 256)
    assert wrong <= 16


def test_wide_border_of_random_lines_is_found():
    rng = np.random.default_rng(0)
    inner = {*(int(i) + 60 for i in rng.choice(136, 60, replace=False)), *range(118, 138), 60, 195}
    assert covered(lines(256, inner)) == (60, 196)


def points(shape, share, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape) < share)


def test_outermost_rows_of_random_points_are_undersampling():
    mask = points((60, 50), 0.1)
    mask[:2] = mask[-1] = mask[:, 0] = False
    assert detect_lattice(mask).all()
    assert detect_sampling(mask).phase_axes == ("y", "x")


def test_border_of_random_points_is_not():
    mask = points((60, 50), 0.15)
    mask[:8] = mask[:, -10:] = False
    expected = torch.ones_like(mask)
    expected[:8] = expected[:, -10:] = False
    assert torch.equal(detect_lattice(mask), expected)


def ellipse(shape):
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return torch.from_numpy(y**2 + x**2 <= 1)


def test_corners_leave_only_solid_patterns():
    shutter = ellipse((41, 60))
    assert torch.equal(detect_lattice(shutter), shutter)
    assert detect_lattice(shutter & points((41, 60), 0.3)).all()


def test_phase_axes():
    grid = torch.zeros(30, 30, dtype=torch.bool)
    grid[::3, ::2] = True
    assert detect_sampling(grid).phase_axes == ("y", "x")
    assert detect_sampling(grid.new_ones(8, 8)).phase_axes == ("y",)
    assert detect_sampling(grid.new_ones(8, 8), ("x",)).phase_axes == ("x",)
    assert detect_sampling(lines(30, range(0, 30, 2)), ("y",)).phase_axes == ("y",)


def test_stray_zeros_on_a_line_are_measured():
    mask = lines(64, range(0, 64, 2), 50)
    mask[4, 7] = mask[30, 2] = False
    found = detect_sampling(mask)
    assert found.phase_axes == ("y",)
    assert found.mask[4, 7]


def test_kspace_may_come_with_leading_axes():
    kspace = torch.zeros(2, 3, 16, 12, dtype=torch.complex64)
    kspace[1, 2, 4:, :] = 1j
    assert detect_lattice(kspace).sum() == 12 * 12
