"""Detection of the fully sampled centre, and the default size of it."""

import pytest
import torch

from medrecon.crop import centred
from medrecon.masks import acs_size, default_acs, net_acceleration


def lines(n: int, sampled: slice, width: int = 5) -> torch.Tensor:
    mask = torch.zeros(n, width, dtype=torch.bool)
    mask[sampled] = True
    return mask


@pytest.mark.parametrize("n", [8, 9, 16])
def test_finds_every_size_on_odd_and_even_grids(n):
    for size in range(1, n + 1):
        mask = lines(n, centred(n, size))
        everywhere = torch.ones_like(mask)
        assert acs_size(mask, everywhere, ("y",)) == (size, 5)
        assert acs_size(mask.T, everywhere.T, ("x",)) == (5, size)


@pytest.mark.parametrize("n", [8, 9])
def test_finds_rectangles_in_two_phase_axes(n):
    for height in range(1, n + 1):
        for width in range(1, 7):
            mask = torch.zeros(n, 6, dtype=torch.bool)
            mask[centred(n, height), centred(6, width)] = True
            assert acs_size(mask, torch.ones_like(mask), ("y", "x")) == (height, width)


def test_prefers_the_square_to_the_long_strip():
    mask = torch.zeros(33, 33, dtype=torch.bool)
    mask[centred(33, 3)] = True
    mask[centred(33, 9), centred(33, 9)] = True
    assert acs_size(mask, torch.ones_like(mask), ("y", "x")) == (9, 9)


def test_is_zero_where_the_centre_is_missing():
    mask = lines(9, slice(None))
    mask[4] = False
    assert acs_size(mask, torch.ones_like(mask), ("y",)) == (0, 0)
    mask = torch.ones(9, 9, dtype=torch.bool)
    mask[4, 4] = False
    assert acs_size(mask, torch.ones_like(mask), ("y", "x")) == (0, 0)


def test_stray_lines_and_gaps_beside_the_centre_do_not_count():
    mask = lines(20, slice(8, 13))
    mask[[0, 2, 14, 19]] = True
    assert acs_size(mask, torch.ones_like(mask), ("y",)) == (5, 5)
    mask[9, 1] = False  # a line with a hole is no line of the centre
    assert acs_size(mask, torch.ones_like(mask), ("y",)) == (1, 5)


def test_padding_is_neither_centre_nor_acquired():
    lattice = torch.zeros(20, 10, dtype=torch.bool)
    lattice[4:20, 2:8] = True
    assert acs_size(lattice, lattice, ("y",)) == (13, 6)
    assert net_acceleration(torch.ones_like(lattice), lattice) == 1
    half = lattice.clone()
    half[::2] = False
    assert net_acceleration(half, lattice) == 2
    assert net_acceleration(torch.zeros_like(lattice), lattice) == float("inf")


@pytest.mark.parametrize(
    ("accel", "n", "expected"),
    [
        (1, 256, 20),
        (4, 256, 20),
        (4.1, 256, 18),
        (6, 256, 18),
        (8, 256, 16),
        (8.5, 256, 12),
        (4, 128, 16),
        (10, 100, 8),
    ],
)
def test_default_follows_the_table(accel, n, expected):
    assert default_acs(accel, n) == expected
