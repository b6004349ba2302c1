"""The program that times `medrecon batch`: its files are fastMRI's, and what it reads off a run is what happened."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import batch_speed

from medrecon.batch.engine import Outcome
from medrecon.batch.plan import FileItem, Plan, Shard
from medrecon.batch.run import Tally
from medrecon.cli.batch_report import Report
from medrecon.io import load


def test_volumes_are_read_as_fastmri_knees(tmp_path) -> None:
    sizes = Namespace(volumes=2, slices=5, readout=64, lines=40, coils=3)
    first, second = (load(path) for path in batch_speed.make_volumes(tmp_path / "in", sizes))
    assert (first.n_slices, first.n_coils, first.matrix, first.crop) == (5, 3, (32, 40), (32, 32))
    assert first.phase_axes == ("x",)
    assert first.is_fully_sampled
    scale = 1.1  # the second is that much brighter, and has other noise
    difference = (second.kspace - scale * first.kspace).abs().mean() / first.kspace.abs().mean()
    assert 0 < difference < 0.1
    assert not np.allclose(first.kspace[0], first.kspace[4])  # the same object, other noise


def test_files_and_idle_time_are_counted_as_they_come(capsys) -> None:
    item = FileItem("a.h5", Path("a.h5"), Path("out/a.h5"), 16)
    report = Report(Plan([item]), Shard(), [item], [item])
    assert not batch_speed.DONE.search(capsys.readouterr().out)
    report.line(Outcome(item, None, 16, 1, 3.25), Tally(1, 0, 1))
    found = batch_speed.DONE.search(capsys.readouterr().out)
    assert found is not None
    assert found[1] == "16"
    watch = batch_speed.Watch([(0.0, 0.0), (1.0, 1.0), (2.0, 0.5), (9.0, 0.0)])
    assert watch.idle(0.5, 3.0) == pytest.approx(0.25)
    assert watch.idle(20, 30) is None


def test_ratios_are_against_both_loops() -> None:
    hows = (("mri, a process a file", 1.0), ("mri, one process", 2.0), ("batch", 6.0))
    rows = [{"how": how, "slices_per_second": rate} for how, rate in hows]
    batch_speed._add_ratios(rows)
    assert rows[-1]["times_a_process_a_file"] == 6
    assert rows[-1]["times_one_process"] == 3
