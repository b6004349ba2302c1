"""The program that turns virtual coils: a turn is one of coils alone, and only maps that tied have changed by it."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import batch_speed
import maps_at_ties

from medrecon.calibration import build_problem
from medrecon.io import load
from medrecon.masks.undersampling import Undersampling
from medrecon.scan import Scan


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Scan:
    sizes = Namespace(volumes=1, slices=1, readout=128, lines=80, coils=14)
    path = batch_speed.make_volumes(tmp_path_factory.mktemp("ties") / "in", sizes)[0]
    return Undersampling(accel=2.0).of(load(path))


def test_a_turn_gives_every_virtual_coil_its_phase_and_is_over_afterwards(scan) -> None:
    plain = maps_at_ties.calibrated(scan, 1.0, 0, None)
    turn = maps_at_ties.calibrated(scan, 1.0, 0, 5)
    expected = plain.kspace * maps_at_ties.phases(12, 5)[:, None, None]
    torch.testing.assert_close(turn.kspace, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    torch.testing.assert_close(build_problem(scan, scale=1.0).kspace, plain.kspace, rtol=0, atol=0)


def test_a_map_of_another_direction_is_found_where_it_is(scan) -> None:
    plain = maps_at_ties.calibrated(scan, 1.0, 0, None)
    turn = maps_at_ties.calibrated(scan, 1.0, 0, 5)
    before = [p["at"] for p in maps_at_ties.changed(plain, turn, scan, 5)]
    y, x = 32, 40  # the middle: at (32, 32) of the square that is cut out
    turn.maps[0, :, y, x] = turn.maps[0, :, y, x].roll(1)
    found = maps_at_ties.changed(plain, turn, scan, 5)
    assert [p["at"] for p in found if p["at"] not in before] == [[32, 32]]
    high, low = found[0]["eigenvalues"]
    assert 0 < low < high < 1.001
