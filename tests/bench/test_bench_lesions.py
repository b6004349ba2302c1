"""Lesions have the stated size, shape and contrast, and their recovery is 1 for the truth and 0 for ignorance."""

import numpy as np
import pytest
import torch
from campaigns import CPU, campaign, choice, volume
from phantom import head

from medrecon.bench import lesions
from medrecon.bench.lesions import DIAMETERS_MM, Lesion, coverage, draw, inserted, recovered
from medrecon.bench.runners import Runner
from medrecon.bench.suites.lesions import scans
from medrecon.mri import Solution

VOXEL = (1.5, 1.0)
IMAGE = head(1, 120, 150)[0]


@pytest.mark.parametrize("diameter", DIAMETERS_MM)
def test_area_is_that_of_a_disc_of_the_diameter(diameter: float) -> None:
    inside = coverage(Lesion(0, diameter, 0.2, 20, 30, 1.0), (40, 60), VOXEL)
    assert inside.sum() * VOXEL[0] * VOXEL[1] == pytest.approx(np.pi * diameter**2 / 4, rel=0.03)
    assert inside.min() >= 0
    assert inside.max() <= 1


def test_shape_is_no_ellipse() -> None:
    """An ellipse equals itself turned by half a turn; three lobes do not."""
    inside = coverage(Lesion(0, 20.0, 0.2, 30, 30, 0.3), (61, 61), (1.0, 1.0))
    assert np.abs(inside - inside[::-1, ::-1]).sum() > 0.2 * inside.sum()


def test_lesions_of_all_sizes_lie_apart_in_bright_parts_of_the_head() -> None:
    found = draw(IMAGE, 0, VOXEL, np.random.default_rng(0))
    assert sorted(lesion.diameter_mm for lesion in found) == list(DIAMETERS_MM)
    assert all(IMAGE[lesion.y, lesion.x] > 0.2 for lesion in found)
    places = [(lesion.y * VOXEL[0], lesion.x * VOXEL[1]) for lesion in found]
    assert min(np.hypot(a[0] - b[0], a[1] - b[1]) for i, a in enumerate(places) for b in places[:i]) > lesions.APART_MM
    assert {abs(lesion.contrast) for i in range(6) for lesion in draw(IMAGE, i, VOXEL, np.random.default_rng(i))} == {
        0.1,
        0.2,
        0.4,
    }


def test_inserted_lesion_has_its_contrast_and_touches_nothing_else() -> None:
    flat = np.full((40, 60), 2.0)
    lesion = Lesion(0, 6.0, -0.4, 20, 30, 0.0)
    change = inserted(flat, [lesion], VOXEL) - flat
    assert change[20, 30] == pytest.approx(-0.8)
    assert not change[coverage(lesion, (40, 60), VOXEL) == 0].any()
    assert inserted(flat, [Lesion(0, 6.0, -2.0, 20, 30, 0.0)], VOXEL).min() == 0


def test_recovery_is_a_slope() -> None:
    true = np.random.default_rng(0).normal(size=(8, 8))
    everywhere = np.ones((8, 8), bool)
    assert recovered(true, true, everywhere) == pytest.approx(1)
    assert recovered(0.3 * true, true, everywhere) == pytest.approx(0.3)
    assert recovered(np.zeros((8, 8)), true, everywhere) == 0
    assert recovered(true, true, ~everywhere) is None


def test_lesions_change_the_signal_and_leave_the_noise() -> None:
    source = volume()
    (condition,) = _conditions(source)
    healthy, ill, cured, found, missing = scans(source, condition)
    assert torch.equal(healthy.noise, ill.noise)
    for i, some in enumerate(found):
        touched = sum(coverage(lesion, healthy.matrix, healthy.voxel_mm) for lesion in some) > 0
        taken_out = coverage(some[missing[i]], healthy.matrix, healthy.voxel_mm) > 0
        differs = (ill.truth[i] - healthy.truth[i]).abs().numpy() > 1e-6
        assert differs.any()
        assert not (differs & ~touched).any()
        assert not ((ill.truth[i] - cured.truth[i]).abs().numpy() > 1e-6)[~taken_out].any()


def test_perfect_reconstruction_recovers_all_and_a_blind_one_nothing(tmp_path) -> None:
    def blind(problem, seed):
        return Solution(problem.kspace.new_ones((1, *problem.image_shape)) / (problem.scale * problem.intensity))

    registry = {"blind": lambda options: [Runner("blind", options, None, blind)]}
    made = campaign(tmp_path / "b", ["lesions"], methods=("blind",), registry=registry)
    made.run(CPU)
    exact = campaign(tmp_path / "e", ["lesions"], methods=("zero-filled",), accel=(1.0,), snr=(1e5,))
    exact.run(CPU)
    for each, wanted in ((made, 0), (exact, 1)):
        (row,) = next(iter(each.stores.values())).rows
        assert len(row["lesions"]) >= 4
        assert all(lesion["recovered"] == pytest.approx(wanted, abs=0.003) for lesion in row["lesions"])
        removed = [x["recovered_on_removal"] for x in row["lesions"] if x["recovered_on_removal"] is not None]
        assert len(removed) == 2
        assert removed == pytest.approx([wanted] * 2, abs=0.003)


def _conditions(source):
    from medrecon.bench.suites import SUITES

    return SUITES["lesions"].grid.chosen(choice()).conditions(source.name, None)
