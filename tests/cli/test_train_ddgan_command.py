"""`medrecon train mri-ddgan` and `mri-ddpm`: from a pack to weights that a method takes, and what ends in one line."""

import csv

import pytest
import torch

from medrecon import weights
from medrecon.cli.main import run
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.training import loop
from medrecon.training.ddgan import images

GENERATOR = [
    "--network.width=8", "--network.multipliers=[1, 1]", "--network.blocks=[1, 1]", "--network.embedding=8",
    "--network.latent=4", "--network.style=8", "--network.mapping=1", "--discriminator.widths=[8, 8]",
    "--discriminator.embedding=8",
]  # fmt: skip
UNET = ["--network.widths=[8, 8]", "--network.encoder_blocks=[1, 1]", "--network.decoder_blocks=[1, 1]"]
QUICK = ["--batch", "4", "--size", "32", "--device", "cpu", "--steps", "4"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MEASURED", 4)
    monkeypatch.setenv("MEDRECON_HOME", str(tmp_path / "own"))
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    write_pack(tmp_path / "ball.h5", [TrainingVolume(values, (4.0, 4.0, 4.0), "nobody", "ball")])
    return tmp_path


def train(folder, out, *options, kind="mri-ddgan", sizes=GENERATOR):
    given = ["--data", str(folder / "ball.h5"), "-o", str(folder / out)]
    return run(["train", kind, *given, *QUICK, *sizes, *options])


def one_line(capsys):
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_a_gan_is_trained_logged_by_both_losses_kept_and_taken_by_a_method(folder, monkeypatch, capsys):
    monkeypatch.setattr(loop, "WINDOW", 2)
    assert train(folder, "g.safetensors", "--diffusion.steps=4") == 0
    with (folder / "g.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["steps"] for row in rows] == ["2", "4"]
    assert all(float(row["mean_loss"]) > 0 and float(row["discriminator_loss"]) > 0 for row in rows)
    settings = weights.load(folder / "g.safetensors")[1]
    assert (settings["kind"], settings["objective"], settings["steps"]) == ("mri-ddgan", "gan", 4)
    assert run(["weights", "add", str(folder / "g.safetensors"), "--name", "mine"]) == 0
    capsys.readouterr()
    assert run(["mri", "--slices", "0:1", "--device", "cpu", "--method", "dds", "--steps", "2", "--prior", "mine"]) == 0
    assert "mine (sha256" in capsys.readouterr().out


def test_the_l1_control_starts_a_gan_and_is_repeated_byte_for_byte(folder):
    for name in ("a", "b"):
        assert train(folder, f"{name}.safetensors", "--objective.kind", "l1") == 0
    assert (folder / "a.safetensors").read_bytes() == (folder / "b.safetensors").read_bytes()
    assert weights.load(folder / "a.safetensors")[1]["objective"] == "l1"
    assert train(folder, "g.safetensors", "--start", str(folder / "a.safetensors"), "--objective.head-start=2") == 0
    assert "a.safetensors, sha256" in weights.load(folder / "g.safetensors")[1]["training"]["started_from"]


def test_a_ddpm_is_trained_and_taken_by_a_method(folder, capsys):
    assert train(folder, "d.safetensors", "--network.embedding=8", kind="mri-ddpm", sizes=UNET) == 0
    assert weights.load(folder / "d.safetensors")[1]["kind"] == "mri-ddpm"
    given = ["--method", "dds", "--steps", "2", "--prior", str(folder / "d.safetensors")]
    assert run(["mri", "--slices", "0:1", "--device", "cpu", *given]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--objective.kind", "l2"], "objective.kind is 'l2'; choose gan or l1"),
        (["--network", "small"], "'network' in the top level is 'small'; give a table"),
        (["--batch", "6"], "batch is 6; give a multiple of discriminator.group, 4"),
        (["--objective.speed=1"], "unknown key 'speed' in table [objective]"),
        (["--teacher", "mri-image-small"], "leave --teacher out"),
        (["--start", "mri-image-small"], "belong to another network"),
    ],
)
def test_what_cannot_work_is_one_line(folder, capsys, options, words):
    assert train(folder, "g.safetensors", *options) == 2
    assert words in one_line(capsys)
    assert not (folder / "g.safetensors").exists()


def test_held_out_volumes_are_scored_as_a_denoiser_and_by_level(folder, monkeypatch, capsys):
    seen = []

    def scores(prior, volumes, options, device):
        seen.append(options)
        return {"psnr_foreground_r4": 1.0}

    monkeypatch.setattr("medrecon.cli.training_run.reconstruction_scores", scores)
    monkeypatch.setattr("medrecon.cli.training_run.estimate_errors", lambda *_: {"estimate_1": 0.5})
    write_pack(folder / "other.h5", [TrainingVolume(torch.rand(3, 24, 24), (4.0, 4.0, 4.0), "other", "other")])
    validated = ["--validate", str(folder / "other.h5")]
    assert train(folder, "g.safetensors", *validated, "--diffusion.steps=2") == 0
    found = weights.load(folder / "g.safetensors")[1]["validation"]
    assert found == {"psnr_foreground_r4": 1.0, "estimate_1": 0.5}
    assert train(folder, "d.safetensors", *validated, "--network.embedding=8", kind="mri-ddpm", sizes=UNET) == 0
    assert [(options.method, options.steps) for options in seen] == [("dds", 2), ("dds", 20)]
