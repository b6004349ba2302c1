"""`medrecon train mri-image`: from a pack to weights, interrupted and resumed, and what ends in one line."""

import csv
import importlib.util
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medrecon import weights
from medrecon.cli.interrupt import first_interrupt
from medrecon.cli.main import run
from medrecon.cli.recipe import dotted
from medrecon.datasets.pack import read_pack, write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.training import loop, mri_hfs, mri_image

TINY = ["--network.widths", "8,8", "--network.encoder-blocks", "1,1", "--network.decoder-blocks=[1, 1]"]
QUICK = [*TINY, "--network.embedding=8", "--batch", "2", "--size", "32", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a pack of one volume; measuring sigma_data takes no time."""
    monkeypatch.setattr(mri_image, "measured_deviation", lambda augmentation, options: 0.3)
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    write_pack(tmp_path / "ball.h5", [TrainingVolume(values, (4.0, 4.0, 4.0), "nobody", "ball")])
    return tmp_path


def train(folder, out, *options):
    return run(["train", "mri-image", "--data", str(folder / "ball.h5"), "-o", str(folder / out), *QUICK, *options])


def one_line(capsys):
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


BUDGET = ["--steps", "12", "--sheets", "0"]


def test_interrupted_and_resumed_the_file_is_the_same_byte_for_byte(folder, capsys, monkeypatch):
    assert train(folder, "straight.safetensors", *BUDGET) == 0
    real, calls = mri_image.edm_loss, []

    def interrupting(*given):
        calls.append(0)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(mri_image, "edm_loss", interrupting)
    capsys.readouterr()
    assert train(folder, "halves.safetensors", *BUDGET) == 130
    assert "interrupted at step 5; the state is in" in one_line(capsys)
    assert not (folder / "halves.safetensors").exists()
    assert train(folder, "halves.safetensors", *BUDGET, "--loop.clip", "0.5") == 2
    assert "loop.clip (was 1.0, is now 0.5)" in one_line(capsys)
    assert train(folder, "halves.safetensors", *BUDGET) == 0
    assert "halves.checkpoint at step 5" in capsys.readouterr().out
    assert (folder / "halves.safetensors").read_bytes() == (folder / "straight.safetensors").read_bytes()
    assert not (folder / "halves.checkpoint").exists()


def test_an_interrupted_validation_costs_no_weights(folder, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("medrecon.cli.training_run.validate", interrupted)
    write_pack(folder / "other.h5", read_pack(folder / "ball.h5"))
    given = ["--validate", str(folder / "other.h5"), "--sheets", "0", "--steps", "1"]
    assert train(folder, "a.safetensors", *given) == 0
    assert "validation interrupted" in one_line(capsys)
    assert "validation" not in weights.load(folder / "a.safetensors")[1]


def test_another_run_starts_from_the_average_in_a_checkpoint(folder):
    assert train(folder, "a.safetensors", *BUDGET, "--checkpoint", str(folder / "run.state")) == 0
    again = ["--start", str(folder / "run.state"), "--sheets", "0", "--steps", "1", "--storage", "fp32"]
    assert train(folder, "b.safetensors", *again, "--loop.learning-rate", "1e-9") == 0
    (first, _, _), (second, settings, _) = (weights.load(folder / f"{name}.safetensors") for name in "ab")
    assert settings["training"]["started_from"] == "the average in a checkpoint"
    assert all(torch.allclose(first[k], second[k], atol=1e-3) for k in first)


def test_log_sheets_and_record_come_with_the_weights(folder, monkeypatch):
    monkeypatch.setattr(loop, "WINDOW", 4)
    assert train(folder, "a.safetensors", "--steps", "10", "--loop.warm_up=10") == 0
    with (folder / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["steps"] for row in rows] == ["4", "8"]
    assert all(float(row["mean_loss"]) > 0 for row in rows)
    assert [p.name for p in (folder / "a-sheets").iterdir()] == ["0000010.png"]
    _, settings, _ = weights.load(folder / "a.safetensors")
    assert settings["training"]["images"] == 20
    assert settings["network"]["widths"] == [8, 8]
    assert settings["pixel_range"] == [0.55, 2.5]


def test_command_line_wins_over_the_config(folder):
    config = folder / "c.toml"
    config.write_text(
        f'batch = 3\n[volumes]\ntrain = "{folder / "ball.h5"}"\n[loop]\nsteps = 9\n[network]\nwidths = [8]\n'
        "encoder_blocks = [1]\ndecoder_blocks = [1]\n"
    )
    out = folder / "c.safetensors"
    argv = ["train", "mri-image", "--config", str(config), "-o", str(out), "--size", "32", "--device", "cpu"]
    assert run([*argv, "--loop.steps", "2", "--sheets", "0"]) == 0
    settings = weights.load(out)[1]
    assert (settings["training"]["steps"], settings["training"]["images"]) == (2, 6)
    assert settings["network"]["widths"] == [8]
    assert not (folder / "c-sheets").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--loop.speed", "3"], "the command line: unknown key 'speed' in table [loop]"),
        (["--loop.clip", "much"], "'clip' in table [loop] is 'much'; give a finite number"),
        (["--loop.clip"], "--loop.clip has no value"),
        (["--steps", "3", "--seconds", "3"], "two budgets"),
        (["--seconds", "0"], "--seconds is 0"),
        (["--network", "huge"], "unknown network 'huge'"),
        (["--batch", "0"], "batch is 0"),
        (["--devices", "0"], "--devices is 0"),
        (["--config", "none.toml"], "config none.toml cannot be read"),
        (["-o", "x.pt"], "ending"),
        (["--checkpoint", "no/c.checkpoint"], "does not exist"),
        (["--start", "nobody"], "unknown weights 'nobody'"),
        (["--start", "none.checkpoint"], "unknown weights 'none.checkpoint'"),
        (["--data", "empty"], "no NIfTI file"),
    ],
)
def test_what_cannot_work_is_one_line_and_no_file(folder, capsys, monkeypatch, options, words):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    before = sorted(folder.iterdir())
    argv = ["train", "mri-image", "--data", "ball.h5", "--size", "32", "--device", "cpu", "--sheets", "0"]
    assert run([*argv, *options]) == 2
    assert words in one_line(capsys)
    assert sorted(folder.iterdir()) == before


def test_a_pack_with_nobody_held_out_is_no_validation_of_itself(folder, capsys):
    assert train(folder, "a.safetensors", "--steps", "2", "--validate", str(folder / "ball.h5")) == 2
    assert "holds nobody out" in one_line(capsys)


def test_out_of_memory_is_one_line(folder, capsys, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(mri_image, "edm_loss", full)
    assert train(folder, "a.safetensors", "--steps", "2") == 2
    assert "out of memory on cpu with a batch of 2" in one_line(capsys)


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is not None, reason="tensorboard is installed")
def test_tensorboard_that_is_not_there_is_one_line(folder, capsys):
    assert train(folder, "a.safetensors", "--steps", "2", "--tensorboard", str(folder / "logs")) == 2
    assert "pip install 'medrecon[logs]'" in one_line(capsys)


def test_dotted_options_are_taken_out_of_the_words():
    words, tree = dotted(["--data", "a.b", "--loop.learning-rate=2e-4", "-o", "x.y", "--network.widths", "8, 8"])
    assert words == ["--data", "a.b", "-o", "x.y"]
    assert tree == {"loop": {"learning_rate": 2e-4}, "network": {"widths": [8, 8]}}
    with pytest.raises(InputError, match=r"--loop\.steps has no value"):
        dotted(["--loop.steps"])


def test_the_second_interrupt_is_not_held_back():
    with first_interrupt() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_shipped_config_is_taken(folder, capsys):
    config = Path(__file__).parents[2] / "configs" / "mri-image.toml"
    assert train(folder, "a.safetensors", "--config", str(config), "--steps", "1", "--sheets", "0") == 0


def test_the_held_out_part_of_the_pack_is_what_is_validated_on(folder, monkeypatch, capsys):
    (ball,) = read_pack(folder / "ball.h5")
    other = replace(ball, name="other", subject="somebody", split="held-out")
    write_pack(folder / "two.h5", [ball, other])
    scored = []

    def validate(prior, volumes, options, size):
        scored.extend(volume.name for volume in volumes)
        return {"loss": 0.5}

    monkeypatch.setattr("medrecon.cli.training_run.validate", validate)
    given = ["--data", str(folder / "two.h5"), "--validate", str(folder / "two.h5"), "--sheets", "0"]
    assert train(folder, "a.safetensors", *given, "--steps", "1") == 0
    assert scored == ["other"]
    said = capsys.readouterr().out
    assert "held-out volumes: loss 0.500" in said
    assert "1 volumes, 1 steps" in said
    assert weights.load(folder / "a.safetensors")[1]["validation"] == {"loss": 0.5}


BANDS = ["--steps", "3", "--augmentation.footprint.periods", "[16, 32]", "--bands.narrowest", "0.1"]


def train_hfs(folder, *options):
    words = ["train", "mri-hfs", "--data", str(folder / "ball.h5"), "-o", str(folder / "hfs.safetensors")]
    return run([*words, *QUICK, *BANDS, *options])


def test_a_high_band_prior_is_trained_kept_and_given_to_hfs(folder, monkeypatch, capsys):
    monkeypatch.setattr(mri_hfs, "MEASURED", 4)
    monkeypatch.setenv("MEDRECON_HOME", str(folder / "own"))
    assert train_hfs(folder) == 0
    assert weights.load(folder / "hfs.safetensors")[1]["kind"] == "mri-hfs"
    assert run(["weights", "add", str(folder / "hfs.safetensors"), "--name", "mine"]) == 0
    demo = ["mri", "--slices", "0:1", "--device", "cpu", "--steps", "2", "--prior", "mine"]
    capsys.readouterr()
    assert run([*demo, "--method", "hfs"]) == 0
    assert "mine (sha256" in capsys.readouterr().out
    assert run([*demo, "--method", "dds"]) == 2
    assert "mine knows the high band of images alone" in one_line(capsys)


def test_hfs_without_its_prior_is_one_line(capsys, monkeypatch, tmp_path):
    """As long as none is shipped."""
    monkeypatch.setenv("MEDRECON_HOME", str(tmp_path))
    monkeypatch.setattr("medrecon.mri.hfs.HFS.default_prior", "not-shipped")
    assert run(["mri", "--method", "hfs", "--device", "cpu"]) == 2
    assert "unknown weights 'not-shipped'; choose one of: mri-image" in one_line(capsys)


def test_what_the_high_band_recipe_has_not_is_one_line(folder, capsys):
    assert train_hfs(folder, "--network", "small") == 2
    assert "'network' in the top level is 'small'; give a table" in one_line(capsys)
    assert train_hfs(folder, "--teacher", "mri-image-small") == 2
    assert "leave --teacher out" in one_line(capsys)
