"""`medrecon info` of a CT volume."""

import json

import numpy as np
from ct_files import chest, write_ct

from medrecon.cli.main import run
from medrecon.io import describe_volume, load_volume


def test_facts_of_a_series(tmp_path, capsys):
    padded = np.zeros((5, 24, 20), bool)
    padded[:, :6] = True
    folder = write_ct(tmp_path / "in", chest(), padded=padded, padding=4000)
    info = describe_volume(load_volume(folder))
    hu = chest()[~padded]
    assert info.hu == (hu.min(), np.sort(hu)[(hu.size - 1) // 2], hu.max())
    assert info.padding == 0.25
    assert json.loads(json.dumps(info.as_dict()))["matrix"] == [24, 20]
    assert run(["info", str(folder)]) == 0
    shown = capsys.readouterr().out
    for words in ("slices          5", "0.7 x 0.8 mm", "2.5 mm, no gap", "25.0 % of the pixels"):
        assert words in shown


def test_doubtful_values_are_said(tmp_path):
    hu = chest() + 1000
    assert "without their intercept" in str(describe_volume(load_volume(write_ct(tmp_path / "in", hu))))


def test_a_gap_is_one_line_and_exit_code_2(tmp_path, capsys):
    places = [[0.0, 0.0, z] for z in (0.0, 2.5, 5.0, 10.0, 12.5)]
    assert run(["info", str(write_ct(tmp_path / "in", chest(), ImagePositionPatient=places))]) == 2
    assert "some are missing" in capsys.readouterr().err
