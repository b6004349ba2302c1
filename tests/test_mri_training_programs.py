"""The programs that train MR networks: what they write, that finished jobs stay, and that a call goes on."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from phantom import head
from small_priors import image_file

from medrecon import weights
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.training.loop import Trained

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import train_control  # noqa: E402  (benchmarks is a folder of programs, not a package)
import train_ddgan  # noqa: E402
import train_hfs  # noqa: E402
import train_mri_image  # noqa: E402

RUN = {"options", "steps", "seconds", "history", "sha256", "versions"}
"""What every record says."""


@pytest.fixture
def folder(tmp_path):
    volume = TrainingVolume(torch.tensor(head()).float(), (5.0, 3.0, 3.0), "somebody", "head")
    write_pack(tmp_path / "p.h5", [volume])
    return tmp_path


@pytest.fixture
def network(tmp_path):
    """What a recipe leaves, without the minutes of its run."""
    tensors, settings, _ = weights.load(image_file(tmp_path / "prior.safetensors"))
    return SimpleNamespace(weights=tensors, settings=settings, run=Trained(tensors, 3, 1.5, []), last=tensors)


def called(monkeypatch, folder, program, *options):
    pack = str(folder / "p.h5")
    monkeypatch.setattr(sys, "argv", [program.__name__, pack, pack, str(folder / "out"), *options])
    program.main()


def record(folder, name):
    return json.loads((folder / "out" / f"{name}.json").read_text())


def test_image_priors_are_scored_as_trained_and_as_stored(folder, network, monkeypatch, capsys):
    monkeypatch.setattr(train_mri_image, "train_mri_image", lambda *_, **__: network)
    monkeypatch.setattr(train_mri_image, "validate", lambda prior, *_: {"loss": 1.0})
    called(monkeypatch, folder, train_mri_image, "small:1", "--size", "32", "--batch", "2")
    own = {"started_from", "teacher", "validation_trained", "validation_int8"}
    assert set(record(folder, "small")) == RUN | own
    assert record(folder, "small")["options"]["batch"] == 2
    assert record(folder, "small")["sha256"] == weights.load(folder / "out" / "small.safetensors")[2]
    assert "small steps 3 last losses []" in capsys.readouterr().out


def test_high_band_priors_are_scored_with_several_calls(folder, network, monkeypatch):
    asked = []

    def scores(prior, others, options, device):
        asked.append((options.method, options.steps))
        return {"psnr": 30.0}

    monkeypatch.setattr(train_hfs, "train_mri_hfs", lambda *_, **__: network)
    monkeypatch.setattr(train_hfs, "train_mri_image", lambda *_, **__: network)
    monkeypatch.setattr(train_hfs, "reconstruction_scores", scores)
    called(monkeypatch, folder, train_hfs, "hfs:1", "vp:1", "--toy", "--size", "32", "--batch", "2")
    calls = [20, 5, 10, 20, 50]
    assert asked == [(method, steps) for method in ("hfs", "dds") for steps in calls]
    scored = {"validation_trained_20", *(f"validation_int8_{steps}" for steps in calls[1:])}
    assert set(record(folder, "vp")) == RUN | {"recipe", "parameters", "started_from"} | scored
    assert (folder / "out" / "hfs-last.safetensors").exists()


def test_the_ddgan_goes_on_and_begins_from_what_lies_beside_it(folder, network, monkeypatch, capsys):
    begun, cut = [], SimpleNamespace(**vars(network) | {"run": Trained(network.weights, 1, 0.5, [], True)})

    def train(volumes, options, device, *, start, checkpoint, **_):
        begun.append((options.objective.head_start, start is None))
        checkpoint.touch()
        return cut if len(begun) == 2 else network

    monkeypatch.setattr(train_ddgan, "train_mri_ddgan", train)
    monkeypatch.setattr(train_ddgan, "scores", lambda *_: {"psnr": 30.0})
    call = ("l1:1", "ddgan:1:l1", "--toy", "--size", "32", "--batch", "2")
    called(monkeypatch, folder, train_ddgan, *call)
    own = {"recipe", "parameters", "started_from", "settings", "bytes", "finished"}
    scored = {"validation_trained", "validation_int8", "validation_last"}
    assert set(record(folder, "l1")) == RUN | own | scored
    assert "ddgan stopped at" in capsys.readouterr().out
    assert not (folder / "out" / "l1.checkpoint").exists()
    assert (folder / "out" / "ddgan.checkpoint").exists()
    assert not (folder / "out" / "ddgan.json").exists()
    called(monkeypatch, folder, train_ddgan, *call)
    assert begun == [(0, True), (train_ddgan.HEAD_START, False), (train_ddgan.HEAD_START, False)]
    assert record(folder, "ddgan")["started_from"] == "l1"
    called(monkeypatch, folder, train_ddgan, *call)
    assert "every job is done" in capsys.readouterr().out
    assert len(begun) == 3


def test_the_control_is_scored_as_it_is_stored(folder, monkeypatch):
    monkeypatch.setattr(train_control, "validate", lambda runner, *_: {"psnr_foreground_r4": 30.0})
    tiny = ("--tiny", "--steps", "1", "--size", "32", "--batch", "2", "--iterations", "1")
    called(monkeypatch, folder, train_control, *tiny)
    assert set(record(folder, "unrolled")) == RUN | {"parameters", "validation"}
    assert weights.load(folder / "out" / "unrolled.safetensors")[1]["kind"] == "mri-unrolled"
