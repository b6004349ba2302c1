"""`medrecon bench mri` and `medrecon bench join` as a user runs them."""

import json
from pathlib import Path

import h5py
import pytest
import torch
from phantom import head

from medrecon.cli.main import run
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.scan import Scan

SMALL = ["--accel", "2", "--slices", "2", "--coils", "4", "--snr", "40", "--device", "cpu"]


@pytest.fixture
def data(tmp_path: Path, full_scan: Scan) -> Path:
    """A folder with one file of k-space and one pack of one volume."""
    folder = tmp_path / "data"
    folder.mkdir()
    values = torch.from_numpy(head(8, 48, 48)).float()
    write_pack(folder / "pack.h5", [TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")])
    with h5py.File(folder / "raw.h5", "w") as file:
        file["kspace"] = full_scan.kspace[:1].numpy()
        file.attrs["phase_axes"] = "x"
    return folder


def bench(data: Path, out: Path, *options: str) -> list[str]:
    return ["bench", "mri", "--data", str(data), "-o", str(out), *SMALL, *options]


def test_rows_of_volumes_and_kspace_and_resumption(data: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "mine"
    argv = bench(data, out, "--methods", "zero-filled", "sense", "--seeds", "0", "1")
    assert run([*argv, "--list"]) == 0
    assert "0 of 4 rows done" in capsys.readouterr().out
    assert run(argv) == 0
    said = capsys.readouterr().out
    assert "8 rows made, 0 were there, 8 planned: all is done" in said
    assert said.count(" dB") == 16
    found = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("mine*.json")}
    assert set(found) == {"mine_standard_4coils_snr40.json", "mine_standard_measured.json"}
    assert found["mine_standard_measured.json"]["rows"][0]["reference"] == "combined"
    assert run(argv) == 0
    assert "0 rows made, 8 were there" in capsys.readouterr().out


def test_shards_and_join(data: Path, tmp_path: Path, capsys) -> None:
    for i in (1, 2):
        argv = bench(
            data / "pack.h5", tmp_path / "mine", "--methods", "sense", "--seeds", "0", "1", "--shard", f"{i}/2"
        )
        assert run(argv) == 0
    files = sorted(map(str, tmp_path.glob("mine*.json")))
    assert len(files) == 2
    assert run(["bench", "join", *files, "-o", str(tmp_path / "whole.json")]) == 0
    assert "2 rows of 2 files" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "whole.json").read_text())["rows"]) == 2


def test_options_of_methods_that_draw(data: Path, tmp_path: Path, capsys) -> None:
    argv = bench(data / "pack.h5", tmp_path / "mine", "--suite", "posterior", "--methods", "dds", "--seeds", "0")
    argv += ["--steps", "2", "--samples", "2", "--options", "eta=0.5", "integrator=heun", "--prior", "mri-image-small"]
    assert run([*argv, "--list"]) == 0
    assert "0 of 1 rows done" in capsys.readouterr().out
    assert run([*argv[:-2], "--options", "etta=1"]) == 2
    assert "no option 'etta'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--accel", "0.5"), "--accel is 0.5"),
        (("--shard", "2"), "--shard is '2'"),
        (("--shard", "3/2"), "--shard is 3/2"),
        (("--suite", "everything"), "--suite"),
        (("--methods", "magic"), "unknown method 'magic'"),
        (("--options", "eta"), "give KEY=VALUE"),
        (("--seconds", "0"), "--seconds is 0"),
        (("--methods", "dds", "--prior", "nobody"), "nobody"),
        (("-o", "nowhere/mine"), "does not exist"),
        (("-o", "mine.json"), "first words"),
        (("--data", "nowhere"), "no such file or folder"),
        (("--suite", "posterior", "--methods", "sense"), "nothing is to be measured"),
        (("--masks", "spiral", "--methods", "sense"), ""),
    ],
)
def test_bad_requests_are_one_line(data: Path, tmp_path: Path, capsys, options, words) -> None:
    code = run(bench(data / "pack.h5", tmp_path / "mine", *options))
    said = capsys.readouterr()
    if words:
        assert (code, len(said.err.splitlines())) == (2, 1)
        assert words in said.err
    else:  # known only once a scan is at hand: named, counted and passed over
        assert code == 0
        assert "unknown mask 'spiral'" in said.out
    assert not list(tmp_path.glob("mine*"))


def test_joining_nothing_is_one_line(tmp_path: Path, capsys) -> None:
    assert run(["bench", "join", "-o", str(tmp_path / "a.json")]) == 2
    assert run(["bench", "join", str(tmp_path / "none.json"), "-o", str(tmp_path / "a.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
