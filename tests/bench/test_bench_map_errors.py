"""Wrong calibrations are wrong by the stated amount, in the stated place, and nowhere else."""

import pytest
import torch
from campaigns import CPU, campaign, choice, volume

from medrecon.bench.map_errors import calibration_of, combined, distance, perturbed, smooth_error, with_smooth_error
from medrecon.bench.suites.maps import NEIGHBOUR, SMOOTH, MapCase, Maps, with_centre
from medrecon.masks.acs import acs_size
from medrecon.mri import Solution
from medrecon.mri.sense import Sense


@pytest.fixture(scope="module")
def case() -> MapCase:
    source = volume()
    (condition,) = Maps().grid.chosen(choice()).conditions(source.name, None)
    return Maps().prepare(source, condition, CPU)


@pytest.mark.parametrize("size", [0.02, 0.05, 0.2])
def test_smooth_error_has_its_size_and_lies_across_the_maps(case: MapCase, size: float) -> None:
    maps = case.problem.maps
    error = smooth_error(maps, size, seed=3)
    assert error.abs().square().sum(1).mean((-2, -1)).sqrt() == pytest.approx([size] * 2, rel=1e-4)
    assert (maps.conj() * error).sum(1).abs().max() < 1e-5
    assert not torch.equal(error, smooth_error(maps, size, seed=4))


def test_smooth_error_is_smooth(case: MapCase) -> None:
    """It varies from pixel to pixel no faster than a few times as the maps do."""
    maps, error = case.problem.maps, smooth_error(case.problem.maps, 0.05, seed=0)

    def roughness(x):
        return (x.diff(dim=-1).abs().square().mean() / x.abs().square().mean()).sqrt()

    assert roughness(error) < 5 * roughness(maps)
    assert roughness(error) < 0.4


def test_wrong_maps_are_maps_and_off_by_the_stated_angle(case: MapCase) -> None:
    own, wrong = calibration_of(case.problem), with_smooth_error(case.problem, seed=0)
    everywhere = torch.ones(case.problem.image_shape, dtype=torch.bool)
    assert wrong.maps.abs().square().sum(1) == pytest.approx(torch.ones(case.problem.image_shape), abs=1e-4)
    assert distance(own.maps, wrong.maps, everywhere) == pytest.approx(0.05, rel=0.02)
    assert distance(own.maps, own.maps, everywhere) < 1e-3
    # the phase of a pixel is no error: both sets have the same reference
    aligned = (own.maps.conj() * wrong.maps).sum(1)
    bright = case.problem.support
    assert aligned[bright].angle().abs().median() < 0.1


@pytest.mark.parametrize("how", ["12 lines", "16 lines", "24 lines", NEIGHBOUR, SMOOTH])
def test_every_way_changes_maps_and_kernel(case: MapCase, how: str) -> None:
    own, wrong = case.calibration("none"), case.calibration(how)
    assert 1e-3 < distance(own.maps, wrong.maps, case.problem.support) < 0.6
    assert own.kernel is not None
    assert wrong.kernel is not None
    assert own.kernel.shape != wrong.kernel.shape or not torch.allclose(own.kernel, wrong.kernel, rtol=1e-3)


def test_fewer_lines_make_worse_maps_of_a_smooth_head(case: MapCase) -> None:
    few, many = (case.calibration(f"{lines} lines").maps for lines in (12, 24))
    whole = case.from_lines(40).maps
    assert distance(whole, few, case.problem.support) > distance(whole, many, case.problem.support)


def test_only_the_stated_place_is_wrong(case: MapCase) -> None:
    problem, wrong = case.problem, case.calibration(SMOOTH)
    in_projection, in_kernel, outside = (perturbed(problem, wrong, w) for w in ("projection", "kernel", "combination"))
    assert torch.equal(in_projection.maps, wrong.maps)
    assert in_projection.kernel is problem.kernel
    assert in_kernel.kernel is wrong.kernel
    assert in_kernel.maps is problem.maps
    assert outside is problem
    # the calibration's own measure of misfit notices
    assert bool((in_projection.off_range > problem.off_range).all())
    assert bool((in_kernel.inconsistency > problem.inconsistency).all())


def test_combination_with_the_own_maps_is_the_own_image(case: MapCase) -> None:
    image = Sense().solve(case.problem).image
    out = combined(Solution(image[None]), case.problem, calibration_of(case.problem))
    assert (out - image * case.problem.intensity).norm() < 1e-5 * image.norm()


def test_separate_calibration_lines_are_added_to_the_centre(case: MapCase) -> None:
    wide = with_centre(case.scan, case.full, 24)
    assert acs_size(wide.mask, wide.lattice, wide.phase_axes)[1] >= 24
    assert torch.equal(wide.kspace, case.full.kspace * wide.mask)
    assert bool((wide.mask | ~case.scan.mask).all())


def test_places_that_do_not_concern_a_method_are_left_out(tmp_path) -> None:
    made = campaign(tmp_path / "b", ["maps"], methods=("sense", "spirit-linear", "spirit"))
    places = {(unit.runner.method, unit.variant["perturbed"]) for unit in made.units}
    assert ("sense", "kernel") not in places
    assert ("spirit-linear", "projection") not in places
    assert {("spirit", where) for where in ("none", "projection", "kernel", "combination")} <= places
    assert sum(unit.runner.method == "spirit" for unit in made.units) == 1 + 3 * 5
