"""The supervised control joins a campaign, and the tables know it."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from campaigns import CPU, campaign, rows
from phantom import gaussian, head

from medrecon import weights
from medrecon.bench.runners import CONTROL, control, made, methods
from medrecon.cli.main import run
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.networks.unet import UNetOptions
from medrecon.networks.unrolled import KIND, Unrolled, UnrolledOptions

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from sheets import comparison
from sheets import parts as table_parts


@pytest.fixture
def file(tmp_path):
    options = UnrolledOptions(UNetOptions((8, 8), (1, 1), (1, 1), embedding=8), iterations=2)
    path = tmp_path / "mine.safetensors"
    weights.save(path, Unrolled(options).state_dict(), {"kind": KIND, "options": options.as_dict()})
    return path


def test_rows_of_the_control_stand_beside_the_methods(file, tmp_path) -> None:
    registry = {**methods([gaussian()]), **control(file, CPU)}
    made_here = campaign(tmp_path / "b", methods=("zero-filled", CONTROL), registry=registry)
    assert made_here.run(CPU).left == 0
    poor, row = rows(made_here)
    assert (row["method"], row["network_calls"], row["weights"]["name"]) == (CONTROL, 2, CONTROL)
    assert row["weights"]["sha256"] == weights.load(str(file))[2]
    assert row["mean"]["psnr_foreground"] > poor["mean"]["psnr_foreground"] + 3
    assert comparison.variants([poor, row])[-1].method == CONTROL
    assert table_parts.prior(row["weights"]).endswith("not shipped")


def test_it_has_no_options(file) -> None:
    with pytest.raises(InputError, match="no option 'steps'"):
        made(control(file, CPU), CONTROL, {"steps": 3})


def test_command_with_the_control(file, tmp_path, capsys) -> None:
    values = torch.from_numpy(head(8, 48, 48)).float()
    write_pack(tmp_path / "pack.h5", [TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")])
    argv = ["bench", "mri", "--data", str(tmp_path / "pack.h5"), "-o", str(tmp_path / "b"), "--device", "cpu"]
    argv += ["--accel", "2", "--slices", "1", "--coils", "4", "--snr", "40", "--seeds", "0"]
    planned = []
    for further in ([], ["--control", str(file)]):
        assert run([*argv, *further, "--list"]) == 0
        planned.append(int(re.search(r"0 of (\d+) rows done", capsys.readouterr().out)[1]))
    assert planned[1] == planned[0] + 1  # every method, and the control
    assert run([*argv, "--methods", CONTROL]) == 2
    assert "unknown method 'unrolled'" in capsys.readouterr().err
    assert run([*argv, "--methods", CONTROL, "--control", str(file)]) == 0
    (found,) = tmp_path.glob("b_*.json")
    assert [row["method"] for row in json.loads(found.read_text())["rows"]] == [CONTROL]
