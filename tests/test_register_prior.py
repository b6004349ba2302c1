"""The program that registers MR priors: a generator with its card, a control's record, and no path in either."""

import json
import sys
from pathlib import Path

import pytest
from tiny_ddgan import tiny_file

from medrecon import weights

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import register_prior

RUN = {
    "recipe": "benchmarks/train_ddgan.py ddgan", "steps": 7, "seconds": 2.04, "history": [[1.0, 7, 0.5, 0.0, None]],
    "versions": {"gpu": "H100"}, "started_from": "/somewhere/l1.safetensors", "parameters": 5,
    "validation_int8": {"psnr_foreground_r4": 30.0},
    "options": {
        "network": {"width": 8}, "objective": {"l1": 30.0}, "batch": 4,
        "augmentation": {"footprint": {"finest_mm": 0.55, "coarsest_mm": 2.5}},
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A registry of its own; the program's and the package's are the same."""
    home = tmp_path / "registry"
    home.mkdir()
    (home / "registry.json").write_text("[]")
    monkeypatch.setattr(register_prior, "FOLDER", home)
    register = weights.register
    monkeypatch.setattr(register_prior.weights, "register", lambda record: register(record, home), raising=False)
    return tmp_path


def written(folder, name, **changes):
    file = tiny_file(folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(RUN | {"sha256": weights.load(file)[2]} | changes))
    return file


def called(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["register_prior.py", *map(str, words)])
    register_prior.main()


def test_a_generator_is_shipped_with_its_card(folder, monkeypatch):
    began = folder / "l1.json"
    began.write_text(json.dumps(RUN | {"sha256": "ab" * 32}))
    file = written(folder, "gan")
    scores, sha256 = folder / "scores.json", weights.load(file)[2]
    row = {"sha256": sha256, "kind": "estimate", "psnr_foreground": {"4": 36.5, "8": 31.25}}
    scores.write_text(json.dumps({"rows": [{**row, "kind": "sample", "psnr_foreground": {"4": 1.0}}, row]}))
    called(monkeypatch, file, "mine", "--began", f"the-l1={began}", "--scores", scores, "--commit", "abc1234")
    (record,) = weights.records(folder / "registry")
    assert (record.kind, record.file, record.sha256) == ("ddgan", "mine.safetensors", sha256)
    assert weights.load("mine", folder / "registry")[2] == sha256
    assert record.training["started_from"] == f"the-l1, 7 steps, 2 s, sha256 {'ab' * 32}"
    assert record.training["commit"] == "abc1234"
    assert record.validation == {"psnr_foreground_r4": 36.5, "psnr_foreground_r8": 31.25}
    card = (folder / "registry" / "mine.md").read_text()
    assert "8, even in time, 0.4" in card
    assert "adversary and 30 × the mean absolute error" in card
    assert "psnr_foreground_r8 31.250" in card
    assert "/somewhere" not in card + (folder / "registry" / "registry.json").read_text()


def test_a_control_is_a_record_alone(folder, monkeypatch):
    written(folder, "l1", started_from=None)
    called(monkeypatch, folder / "l1.json", "the-l1")
    (record,) = weights.records(folder / "registry")
    assert (record.kind, record.file, record.validation) == ("control", None, RUN["validation_int8"])
    assert record.training["recipe"] == RUN["recipe"]
    assert [each.name for each in (folder / "registry").iterdir()] == ["registry.json"]


def test_a_path_is_no_name_of_a_start(folder, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        called(monkeypatch, written(folder, "gan"), "mine")
    assert "give that run's name and record by --began" in capsys.readouterr().err
    assert weights.records(folder / "registry") == []


def test_what_is_over_the_budget_is_not_shipped(folder, monkeypatch):
    monkeypatch.setitem(register_prior.BUDGET_MIB, "ddgan", 0.0)
    with pytest.raises(SystemExit, match=r"more than the budget of 0\.0 MiB"):
        called(monkeypatch, written(folder, "gan", started_from=None), "mine")
    assert weights.records(folder / "registry") == []
