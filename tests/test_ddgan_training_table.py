"""The table of the generator's training, and the program that collects its records."""

import json
import runpy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from sheets.ddgan_training import ddgan_training

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SCORES = {"psnr_foreground_r4": 31.02, "psnr_foreground_r8": 25.19, "estimate_1": 0.22, "spread_4": 0.023}


def written(folder, name, **changes):
    record = {
        "recipe": f"benchmarks/train_ddgan.py {name}", "parameters": 7, "steps": 1500, "seconds": 215.01,
        "started_from": "/somewhere/start.safetensors", "validation_int8": SCORES, "sha256": "ab",
        "versions": {"gpu": "NVIDIA H100"}, "history": [1, 2], "finished": True,
        "options": {"objective": {"kind": "gan", "l1": 30.0}, "diffusion": {"steps": 8, "spacing": "noise"}},
    } | changes  # fmt: skip
    file = folder / f"{name}.json"
    file.write_text(json.dumps(record))
    return file


def collect(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["collect_ddgan_training.py", *map(str, words)])
    runpy.run_path(str(BENCHMARKS / "collect_ddgan_training.py"), run_name="__main__")


def scores(folder, sha256, **kinds):
    """Of weights with this hash, R 4 and 8 by kind."""
    shared = {"sha256": sha256, "calls": 100, "slices": 4}
    rows = [
        {**shared, "kind": kind, "psnr_foreground": dict(zip("48", found, strict=True))}
        for kind, found in kinds.items()
    ]
    file = folder / "scores.json"
    file.write_text(json.dumps({"commit": "abc", "versions": {}, "rows": rows}))
    return file


def test_a_line_a_run(tmp_path, monkeypatch):
    gan = written(tmp_path, "gan", sha256="gan")
    l1 = written(
        tmp_path, "l1", sha256="l1", options={"objective": {"kind": "l1", "l1": 0.0}, "diffusion": {"steps": 8}}
    )
    twenty = {"psnr_foreground_r4_20_calls": 38.79, "psnr_foreground_r8_20_calls": 33.7}
    ddpm = written(tmp_path, "ddpm", options={}, started_from=None, validation_int8=twenty)
    found = scores(tmp_path, "ab", sample=(36.0, 30.0), estimate=(38.5, 33.1))
    out = tmp_path / "training.json"
    collect(monkeypatch, out, f"anchored={gan}=l1, longer", f"l1={l1}", f"ddpm={ddpm}", "--scores", found)
    held = json.loads(out.read_text())
    assert "history" not in out.read_text()
    assert "/somewhere" not in out.read_text()
    lines = ddgan_training([held]).splitlines()
    assert lines[2].split(" | ")[1:] == [
        "adversary, l1 × 30", "8, even in noise", "l1, longer", "1500", "215", "–", "–", "31.02 / 25.19", "0.220",
        "0.023 |",
    ]  # fmt: skip
    assert " | l1 | 8, even in time | start.safetensors | " in lines[3]
    assert lines[4].split(" | ")[1:9] == [
        "epsilon", "1000", "–", "1500", "215", "36.00 / 30.00", "38.50 / 33.10", "–",
    ]  # fmt: skip
    assert lines[-1].startswith("*NVIDIA H100; scored on cpu, commit abc.*")
    assert "of the `ddpm` at 100 of them" in lines[-1]


def test_rows_of_other_weights_stay(tmp_path, monkeypatch):
    out = tmp_path / "training.json"
    collect(monkeypatch, out, f"first={written(tmp_path, 'a', sha256='a')}", f"old={written(tmp_path, 'b')}")
    collect(monkeypatch, out, f"new={tmp_path / 'b.json'}", "--scores", scores(tmp_path, "a", sample=(30.0, 20.0)))
    rows = json.loads(out.read_text())["rows"]
    assert [each["name"] for each in rows] == ["first", "new"]
    assert [list(each["scores"]) for each in rows] == [["sample"], []]


@pytest.mark.parametrize("text", ["gan=missing.json", "gan"])
def test_what_is_no_record_is_one_line(text, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        collect(monkeypatch, tmp_path / "out.json", text)
    assert "names no finished record" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_a_run_that_has_not_ended_is_no_record(tmp_path, monkeypatch):
    with pytest.raises(SystemExit):
        collect(monkeypatch, tmp_path / "out.json", f"gan={written(tmp_path, 'gan', finished=False)}")
