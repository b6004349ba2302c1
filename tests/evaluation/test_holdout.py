"""What is withheld, and how the prediction of it is scored."""

import pytest
import torch

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.evaluation.holdout import SHARE, energies_on, withheld

SIZE = (60, 81)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def line_mask(axis: str, acs: int) -> torch.Tensor:
    n = SIZE["yx".index(axis)]
    lines = torch.arange(n) % 3 == 0
    lines[centred(n, acs)] = True
    return (lines[:, None] if axis == "y" else lines[None]).expand(SIZE).clone()


def point_mask(acs: int) -> torch.Tensor:
    mask = torch.rand(SIZE, generator=generator(1)) < 0.3
    mask[centred(SIZE[0], acs), centred(SIZE[1], acs)] = True
    return mask


@pytest.mark.parametrize("axis", ["y", "x"])
def test_whole_lines_outside_the_acs(axis: str) -> None:
    mask = line_mask(axis, 10)
    acs = (10, SIZE[1]) if axis == "y" else (SIZE[0], 10)
    points = withheld(mask, acs, (axis,), (5, 5), generator(), share=0.2)
    lines = points.any(1 if axis == "y" else 0)
    whole = points.all(1 if axis == "y" else 0)
    assert torch.equal(lines, whole)
    assert not lines[centred(len(lines), 10)].any()
    assert (points & ~mask).sum() == 0
    outside = int(mask.any(1 if axis == "y" else 0).sum()) - 10
    assert int(lines.sum()) == round(0.2 * outside)


def test_at_least_one_line() -> None:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[centred(SIZE[0], 12)] = True
    mask[3] = True
    points = withheld(mask, (12, SIZE[1]), ("y",), (5, 5), generator())
    assert points[3].all()
    assert int(points.sum()) == SIZE[1]


def test_acs_lines_stay_whole_with_partial_fourier() -> None:
    mask = line_mask("y", 10)
    mask[:, :20] = False
    points = withheld(mask, (10, 41), ("y",), (5, 5), generator(), share=0.5)
    assert not points[centred(SIZE[0], 10)].any()


def test_blocks_cover_the_share_and_spare_the_acs() -> None:
    mask = point_mask(12)
    points = withheld(mask, (12, 12), ("y", "x"), (5, 5), generator())
    assert not points[centred(SIZE[0], 12), centred(SIZE[1], 12)].any()
    outside = int(mask.sum()) - 144
    assert SHARE * outside <= int(points.sum()) <= SHARE * outside + 25
    assert (points & ~mask).sum() == 0


def test_neighbours_within_the_kernel_are_withheld_together() -> None:
    mask = torch.ones(SIZE, dtype=torch.bool)
    points = withheld(mask, (12, 12), ("y", "x"), (5, 5), generator(), share=1e-6)
    rows, columns = points.nonzero().unbind(1)
    assert int(rows.max() - rows.min()) < 5
    assert int(columns.max() - columns.min()) < 5
    assert int(points.sum()) > 1


def test_seed_decides() -> None:
    mask = point_mask(12)
    first, again, other = (withheld(mask, (12, 12), ("y", "x"), (5, 5), generator(s)) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_nothing_outside_the_acs_is_an_error() -> None:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[centred(SIZE[0], 12)] = True
    with pytest.raises(InputError, match="outside the ACS"):
        withheld(mask, (12, SIZE[1]), ("y",), (5, 5), generator())


def test_energies_count_only_withheld_points() -> None:
    measured = torch.randn(2, 3, *SIZE, dtype=torch.complex64, generator=generator())
    points = torch.zeros(SIZE, dtype=torch.bool)
    points[5] = True
    zero, signal = energies_on(torch.zeros_like(measured), measured, points)
    assert zero == pytest.approx(signal)
    assert signal == pytest.approx(float(measured[:, :, 5].abs().square().sum()), rel=1e-5)
    elsewhere = torch.where(points, measured, 0 * measured)
    assert energies_on(elsewhere, measured, points)[0] == 0
