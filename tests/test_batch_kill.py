"""Killed twice and resumed, `medrecon batch` has the results of `medrecon mri`: benchmarks/batch_kill.py, six files."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import batch_kill


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are found in /proc")
def test_killed_twice_and_resumed(tmp_path):
    inputs = batch_kill.make_inputs(tmp_path / "in", 6)
    references = batch_kill.one_by_one(inputs, tmp_path / "one", "zero-filled")
    generator = np.random.default_rng(1)
    early = batch_kill.Moments(most_lines=2, longest_pause=0.2, victims=("group", "sender"))  # no run is over by then
    trial = batch_kill.killed(
        inputs, tmp_path / "out", references, "zero-filled", 2, 2, generator, done_before=False, moments=early
    )
    assert len(references) == 4
    assert sum(trial.kills.values()) == 2
    assert trial.passed(4, batch_kill.failures(inputs)), trial
