"""The error of the low band: what it is a share of, and which rows have it."""

import dataclasses

import pytest
import torch
from campaigns import CPU, campaign, rows, volume

from medrecon.bench.cases import Case, calibrated, evenly, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.low_band_error import low_band_error, true_image
from medrecon.bench.runners import Runner, has_low_band, low_lines
from medrecon.calibration import CalibrationOptions
from medrecon.mri import METHODS
from medrecon.mri.low_band import high_pass, sense_low_band
from medrecon.mri.sense import Sense


def case(coils=4, accel=2.0, slices=2, options=None) -> Case:
    condition = Condition("head", coils, 200.0, slices, "random", accel, 0)
    return calibrated(undersampled(volume().scan(condition), condition), 0, CPU, options)


def truth_of(made: Case, part=slice(None)) -> torch.Tensor:
    found = true_image(made, part)
    assert found is not None
    return found


def error(image, made, slices=None, width=0) -> float:
    found = low_band_error(image, made, slices, width)
    assert found is not None
    return found


@pytest.mark.parametrize("coils", [4, 6])
def test_the_truth_has_the_phase_and_the_scale_of_a_whole_scan(coils) -> None:
    """Also where coils are compressed, six to four."""
    made = case(coils, options=CalibrationOptions(coils=4))
    truth, whole = truth_of(made), case(coils, 1.0).problem
    solved = Sense().solve(whole).image.abs() * whole.scale
    assert (truth.abs() * made.problem.scale - solved).norm() < 0.05 * solved.norm()
    band = sense_low_band(made.problem, high_pass(made.problem))
    assert error(band, made) < 0.04
    assert error(band * 1j, made) == pytest.approx(2**0.5, rel=0.03)


def test_it_is_a_share_of_the_low_band_and_deaf_to_the_high_one() -> None:
    made = case()
    truth, high = truth_of(made), high_pass(made.problem)
    assert error(truth, made) == 0
    assert error(1.03 * truth, made) == pytest.approx(0.03)
    assert error(truth + high(torch.randn_like(truth)), made) < 1e-5
    between = high_pass(made.problem, 4)(truth) - high(truth)  # lines of the centre outside a narrower band
    assert error(truth + between, made, width=4) < 1e-5 < 0.01 < error(truth + between, made)
    assert error(truth + between, made) == pytest.approx(float(between.norm() / (truth - high(truth)).norm()), rel=1e-3)


def test_few_slices_are_held_to_their_own_truth() -> None:
    made = case(slices=3)
    assert error(truth_of(made)[evenly(3, 1)], made, slices=1) == 0
    assert error(truth_of(made)[:1], made, slices=1) > 0.01


def test_there_is_none_without_a_truth_on_the_grid() -> None:
    made = case()
    image = truth_of(made)
    for scan in (
        dataclasses.replace(made.scan, truth=None),
        dataclasses.replace(made.scan, truth=image.abs()[:, 2:-2], crop=(image.shape[1] - 4, image.shape[2])),
    ):
        assert low_band_error(image, dataclasses.replace(made, scan=scan), None, 0) is None


@pytest.mark.parametrize("suite", ["standard", "light", "snr"])
def test_rows_of_methods_with_a_low_band_have_it_and_no_others(suite, tmp_path) -> None:
    made = campaign(tmp_path / "b", [suite], methods=("sense", "spirit", "hfs"), masks=("random",))
    made.run(CPU)
    assert {row["method"] for row in rows(made) if "low_band_error" in row} == {"hfs"}
    assert all(0 < row["low_band_error"] < 0.1 for row in rows(made) if row["method"] == "hfs")


def test_methods_with_a_low_band_are_those_that_say_how_wide_it_is() -> None:
    assert {name for name in METHODS if has_low_band(name)} == {"hfs", "hfs-paper", "hfs-released"}


@pytest.mark.parametrize(("method", "options", "lines"), [
    ("hfs", {}, 4), ("hfs", {"width": 3}, 3), ("hfs", {"width": 0}, 0), ("hfs-paper", {}, 7),
    ("hfs-released", {"width": 5}, 5),
])  # fmt: skip
def test_the_band_is_the_method_s_own(method, options, lines) -> None:
    """Half of the centre for `hfs`, all of it for the published forms."""
    problem = dataclasses.replace(case().problem, acs=(48, 7))
    runner = Runner(method, options, None, lambda problem, seed: Sense().solve(problem, seed=seed))
    assert low_lines(runner, problem) == lines
