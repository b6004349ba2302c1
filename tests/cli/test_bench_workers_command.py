"""`medrecon bench` with --workers and --engine as a user gives them."""

import json
import sys

import pytest
import torch
from ct_bodies import VOXEL, bodies
from ct_weights import cold_pixel_file
from phantom import head

from medrecon.bench.store import read_rows
from medrecon.cli.main import run
from medrecon.datasets.ct.pack import write_ct_pack
from medrecon.datasets.ct.volume import CtVolume
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.mri.sense import Sense

OTHERWISE = {"seconds_per_slice", "calibration_seconds_per_slice", "peak_memory_mib", "workers"}


@pytest.fixture
def mri(tmp_path):
    values = torch.from_numpy(head(8, 48, 48)).float()
    write_pack(tmp_path / "pack.h5", [TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")])
    argv = ["bench", "mri", "--data", str(tmp_path / "pack.h5"), "-o", str(tmp_path / "mine"), "--accel", "2"]
    argv += ["--slices", "1", "--coils", "4", "--snr", "40", "--device", "cpu"]
    return [*argv, "--methods", "zero-filled", "sense"]


def test_ct_rows_are_equal_for_none_and_two_workers(tmp_path, capsys) -> None:
    write_ct_pack(tmp_path / "val.h5", [CtVolume(bodies(4).short(), VOXEL, "nobody", "chest_a", "held-out")])
    network = cold_pixel_file(tmp_path / "tiny.safetensors")
    argv = ["bench", "ct", "--data", str(tmp_path / "val.h5"), "--phantoms", "--doses", "0.25", "0.1", "--slices", "1"]
    argv += ["--methods", "input", "cold-pixel", "--steps", "1", "--prior", f"cold-pixel={network}", "--device", "cpu"]
    found = []
    for workers in ("0", "2"):
        out = tmp_path / f"by{workers}"
        assert run([*argv, "--threads", "1", "--workers", workers, "-o", str(out)]) == 0
        assert "4 rows made, 0 were there, 4 planned: all is done" in capsys.readouterr().out
        rows = [
            {k: v for k, v in row.items() if k not in OTHERWISE} for row in read_rows(tmp_path / f"by{workers}.json")
        ]
        found.append(sorted(json.dumps(row, sort_keys=True) for row in rows))
    assert found[0] == found[1]


def test_a_method_that_fails_is_named_and_the_exit_code_is_1(mri, tmp_path, monkeypatch, capsys) -> None:
    def fails(self, problem, **_):
        raise RuntimeError("Roe")

    with monkeypatch.context() as patch:
        patch.setattr(Sense, "solve", fails)
        assert run([*mri, "--seeds", "0"]) == 1
    said = capsys.readouterr().out
    assert "failed, 1 rows: standard, head, random R 2, 4 coils, SNR 40, seed 0 (sense): RuntimeError in" in said
    assert "1 rows made, 0 were there, 2 planned: 1 failed; call again" in said
    assert "Roe" not in said
    assert run([*mri, "--seeds", "0"]) == 0
    assert "1 rows made, 1 were there, 2 planned: all is done" in capsys.readouterr().out


def test_interrupted_it_keeps_its_rows(mri, tmp_path, monkeypatch, capsys) -> None:
    def interrupted(self, problem, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Sense, "solve", interrupted)
    assert run([*mri, "--seeds", "0"]) == 130
    assert "the rows above are kept" in capsys.readouterr().err
    assert [row["method"] for row in read_rows(next(tmp_path.glob("mine*")))] == ["zero-filled"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "-1"], "--workers is -1"),
        (["--workers", "2", "--threads", "0"], "--threads is 0"),
        (["--engine", "ray"], "pip install 'medrecon[cluster]'"),
        (["--engine", "slurm"], "--engine"),
    ],
)
def test_what_no_engine_can_do_is_one_line(mri, tmp_path, monkeypatch, capsys, options, words) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run([*mri, *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.glob("mine*"))


@pytest.mark.parametrize("command", ["mri", "ct"])
def test_help_says_whose_seconds_are_fair(command, capsys) -> None:
    assert run(["bench", command, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--workers" in said
    assert "--engine {local,ray}" in said
    assert "made without company (0 or 1, on a machine of their own) have fair seconds" in said
