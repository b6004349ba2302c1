"""`medrecon train ct-…`: from a pack to weights that load, interrupted and resumed, and what ends in one line."""

import os
import signal

import pytest
import torch
from ct_pairs import disc, white

from medrecon import weights
from medrecon.cli.main import run
from medrecon.datasets.ct.bank import PairBank
from medrecon.datasets.ct.held_out import held_out_pairs
from medrecon.datasets.ct.pack import write_ct_pack
from medrecon.networks.ct.load import load_ct
from medrecon.training.ct import ddpm as ct_ddpm

SIZES = ["--size", "32", "--batch", "2", "--device", "cpu", "--phantoms", "0", "--realisations", "1"]
CODEC = ["--network.width", "8", "--network.encoder-blocks", "1", "--network.decoder-blocks", "1"]
UNET = ["--network.network.widths=[8, 8]", "--network.network.encoder-blocks=[1, 1]"]
UNET += ["--network.network.decoder-blocks=[1, 1]", "--network.network.embedding", "8"]
RED = ["--red-cnn.width", "4"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a pack; noise is white, so that no scan is simulated."""
    monkeypatch.setitem(PairBank.__init__.__kwdefaults__, "simulate", white)
    monkeypatch.setitem(held_out_pairs.__kwdefaults__, "simulate", white)
    monkeypatch.setattr("medrecon.networks.ready.network_dtype", lambda _: torch.float32)
    monkeypatch.setattr("medrecon.networks.ct.load.network_dtype", lambda _: torch.float32)
    write_ct_pack(tmp_path / "ct.h5", [disc("a"), disc("b", split="held-out")])
    return tmp_path


def train(folder, kind, out, *options):
    return run(["train", kind, "--data", str(folder / "ct.h5"), "-o", str(folder / out), *SIZES, *options])


def one_line(capsys):
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_a_codec_then_cold_diffusion_in_its_latents_then_the_controls(folder, capsys):
    pack = str(folder / "ct.h5")
    assert train(folder, "ct-codec", "codec.safetensors", *CODEC, "--steps", "3", "--validate", pack) == 0
    said = capsys.readouterr().out
    assert "held-out volumes: rmse_hu_round_trip" in said
    codec = ["--codec", str(folder / "codec.safetensors")]
    assert train(folder, "ct-cold", "cold.safetensors", *UNET, *codec, "--steps", "3", "--validate", pack) == 0
    assert "rmse_hu_0.25" in capsys.readouterr().out
    prior = load_ct(str(folder / "cold.safetensors"))
    assert prior.codec is not None
    assert prior.record["training"]["images"] == 6
    assert prior.record["validation"]["rmse_hu_0.1"] > 0
    assert train(folder, "ct-regression", "one.safetensors", *UNET, *codec, "--steps", "2") == 0
    assert load_ct(str(folder / "one.safetensors")).record["architecture"] == "one-step"
    config = folder / "red.toml"
    config.write_text('architecture = "red-cnn"\n')
    assert train(folder, "ct-regression", "red.safetensors", "--config", str(config), *RED, "--steps", "2") == 0
    assert load_ct(str(folder / "red.safetensors")).record["architecture"] == "red-cnn"
    assert train(folder, "ct-ddpm", "ddpm.safetensors", *UNET, "--steps", "2") == 0
    assert weights.load(folder / "ddpm.safetensors")[1]["kind"] == "ct-ddpm"
    assert not list(folder.glob("*.checkpoint"))
    assert train(folder, "ct-ddpm", "ddpm.safetensors", *UNET, "--steps", "51") == 0
    assert len((folder / "ddpm.csv").read_text().splitlines()) == 2


def test_interrupted_and_resumed_the_file_is_the_same_byte_for_byte(folder, capsys, monkeypatch):
    budget = [*UNET, "--steps", "8"]
    assert train(folder, "ct-ddpm", "straight.safetensors", *budget) == 0
    real, calls = ct_ddpm.ddpm_loss, []

    def interrupting(*given):
        calls.append(0)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(ct_ddpm, "ddpm_loss", interrupting)
    capsys.readouterr()
    assert train(folder, "ct-ddpm", "halves.safetensors", *budget) == 130
    assert "interrupted at step 5; the state is in" in one_line(capsys)
    assert not (folder / "halves.safetensors").exists()
    assert train(folder, "ct-ddpm", "halves.safetensors", *budget, "--loop.clip", "0.5") == 2
    assert "loop.clip (was 1.0, is now 0.5)" in one_line(capsys)
    assert train(folder, "ct-ddpm", "halves.safetensors", *budget) == 0
    assert "going on from" in capsys.readouterr().out
    assert (folder / "halves.safetensors").read_bytes() == (folder / "straight.safetensors").read_bytes()


def test_a_bank_that_does_not_fit_is_one_line(folder, capsys, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(PairBank.__init__.__kwdefaults__, "simulate", full)
    assert train(folder, "ct-ddpm", "a.safetensors", "--steps", "2") == 2
    assert "give fewer --realisations" in one_line(capsys)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("ct-codec", ["--network.channels", "9"], "the network cannot be built: a codec keeps from 3 to 8"),
        ("ct-cold", ["--network.space", "wavelet"], "space is 'wavelet'; choose one of pixel, unshuffle, latent"),
        ("ct-cold", ["--loop.speed", "3"], "unknown key 'speed' in table [loop]"),
        ("ct-cold", ["--codec", "nobody"], "unknown weights 'nobody'"),
        ("ct-cold", ["--codec", "mri-image-small"], "of kind 'mri-image'; a CT network is of kind"),
        ("ct-ddpm", ["--steps", "3", "--seconds", "3"], "two budgets"),
        ("ct-ddpm", ["--seconds", "0"], "--seconds is 0"),
        ("ct-ddpm", ["--realisations", "0"], "--realisations is 0"),
        ("ct-ddpm", ["--phantoms", "-1"], "--phantoms is -1"),
        ("ct-ddpm", ["--data", "none.h5"], "none.h5 does not exist; give a CT pack"),
        ("ct-ddpm", ["--data", "empty"], "is a folder; make a pack of it first"),
        ("ct-ddpm", ["-o", "x.pt"], "ending"),
        ("ct-ddpm", ["--size", "40"], "size is 40; give a multiple of 16"),
        ("ct-regression", ["--loss", "ssim"], "unknown option --loss"),
    ],
)
def test_what_cannot_work_is_one_line_and_no_file(folder, capsys, monkeypatch, kind, options, words):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    before = sorted(folder.iterdir())
    assert run(["train", kind, "--data", "ct.h5", *SIZES, *options]) == 2
    assert words in one_line(capsys)
    assert sorted(folder.iterdir()) == before


def test_a_wrong_key_is_not_called_a_network_that_cannot_be_built(folder, capsys):
    assert train(folder, "ct-codec", "a.safetensors", "--network.chanels", "8") == 2
    assert "the network cannot be built" not in one_line(capsys)
