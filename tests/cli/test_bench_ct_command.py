"""`medrecon bench ct` as a user runs it."""

import json
from pathlib import Path

import pytest
from ct_bodies import VOXEL, bodies
from ct_weights import cold_pixel_file

from medrecon.cli.main import run
from medrecon.datasets.ct.pack import write_ct_pack
from medrecon.datasets.ct.volume import CtVolume


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    """A pack of one held-out volume of four slices."""
    path = tmp_path_factory.mktemp("pack") / "val.h5"
    write_ct_pack(path, [CtVolume(bodies(4).short(), VOXEL, "nobody", "chest_a", "held-out")])
    return path


def bench(pack: Path, out: Path, *options: str) -> list[str]:
    argv = ["bench", "ct", "--data", str(pack), "--phantoms", "-o", str(out), "--doses", "0.25", "--slices", "1"]
    return [*argv, "--device", "cpu", "--threads", "1", *options]


def test_rows_of_a_pack_with_a_network_and_resumption(pack: Path, tmp_path: Path, capsys) -> None:
    network = cold_pixel_file(tmp_path / "tiny.safetensors")
    argv = bench(pack, tmp_path / "mine", "--methods", "input", "cold-pixel", "--prior", f"cold-pixel={network}")
    argv += ["--steps", "1", "2"]
    assert run([*argv, "--list"]) == 0
    assert "0 of 3 rows done" in capsys.readouterr().out
    assert run(argv) == 0
    said = capsys.readouterr().out
    assert "3 rows made, 0 were there, 3 planned: all is done" in said
    assert said.count("RMSE") == 3
    rows = json.loads((tmp_path / "mine.json").read_text())["rows"]
    assert [row["network_calls"] for row in rows] == [0, 1, 2]
    assert [row["options"] for row in rows] == [{}, {"steps": 1}, {"steps": 2}]
    assert rows[1]["weights"]["name"] == "tiny.safetensors"
    assert rows[1]["seconds_per_slice"] > 0
    # an untrained network in its residual form returns what it is given
    assert rows[1]["mean"]["rmse"] == pytest.approx(rows[0]["mean"]["rmse"], rel=0.02)
    assert run(argv) == 0
    assert "0 rows made, 3 were there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--doses", "1.5"], "above 0 and below 1"),
        (["--methods", "ddpm"], "--prior ddpm="),
        (["--methods", "bm3d"], "bm3d"),
        (["--prior", "tiny.safetensors"], "METHOD=NAME"),
        (["--prior", "tv=tiny.safetensors"], "no method with a network"),
        (["--shard", "3/2"], "--shard"),
        (["--phantoms", "knee"], "knee"),
        (["--slices", "0"], "--slices"),
        (["-o", "mine.json"], "without an ending"),
    ],
)
def test_what_cannot_be_measured_is_one_line(options, words, pack, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*bench(pack, Path("mine"), "--methods", "input"), *options]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert words in err
    assert not list(tmp_path.iterdir())
