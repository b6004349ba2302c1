"""A scan outside the prior's pixel sizes is told so, in the result and on the terminal."""

import dataclasses

import pytest
from phantom import gaussian, head

import medrecon
from medrecon.cli.report import print_report
from medrecon.evaluation.footprint import pixel_warning
from medrecon.simulate.scan import simulate_scan


@pytest.mark.parametrize(
    ("voxel_mm", "pixels"),
    [((1.0, 1.0), (0.5, 2.0)), ((0.5, 2.0), (0.5, 2.0)), (None, (0.5, 2.0)), ((9.0, 9.0), None)],
)
def test_inside_or_unknown_says_nothing(voxel_mm, pixels):
    assert pixel_warning(voxel_mm, pixels, "p") is None


@pytest.mark.parametrize("voxel_mm", [(0.4, 1.0), (1.0, 2.1), (3.0, 3.0)])
def test_outside_names_the_sizes(voxel_mm):
    said = pixel_warning(voxel_mm, [0.5, 2.0], "p")
    assert said is not None
    assert f"{voxel_mm[0]:g} x {voxel_mm[1]:g} mm lie outside the 0.5 to 2 mm" in said


@pytest.mark.parametrize(("pixels", "warned"), [((0.5, 2.0), True), ((0.5, 4.0), False)])
def test_the_result_carries_it_and_the_report_prints_it(pixels, warned, capsys):
    prior = dataclasses.replace(gaussian(), record={"pixel_range": pixels})
    scan = simulate_scan(head(1), (3.0, 3.0), slice_mm=5.0, coils=4)
    fast = scan.undersample(medrecon.masks.pattern("random", 2.0, 12))
    result = medrecon.reconstruct(fast, "dds", prior=prior, steps=2)
    assert any("mm lie outside" in said for said in result.warnings) is warned
    print_report(result, fast)
    assert ("mm lie outside the 0.5 to 2 mm" in capsys.readouterr().out) is warned
    assert not any("mm lie outside" in said for said in medrecon.reconstruct(fast, "sense").warnings)
