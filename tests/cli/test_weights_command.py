"""`medrecon weights add|get|show|list|check`: a trained network by name, from end to end."""

import pytest
import torch

from medrecon import weights
from medrecon.cli.main import run
from medrecon.networks import UNet, UNetOptions, load_prior
from medrecon.training.mri_image import prior_settings
from medrecon.weights.registry import FOLDER

TINY = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
SETTINGS = prior_settings(TINY, 0.3, (0.001, 10.0)) | {"pixel_range": [0.5, 2.0]}
RECIPE = """[network]
widths = [8, 8]
encoder_blocks = [1, 1]
decoder_blocks = [1, 1]
embedding = 8
[levels]
highest = 5.0
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDRECON_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def trained(tmp_path):
    """A weights file as training writes it."""
    path = tmp_path / "prior.safetensors"
    weights.save(path, UNet(TINY).state_dict(), SETTINGS)
    return path


def one_line(capsys):
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_what_training_writes_is_kept_and_found_by_name(home, trained, capsys):
    assert run(["weights", "add", str(trained), "--name", "mine", "--licence", "CC0"]) == 0
    assert "use it with --prior mine" in capsys.readouterr().out
    prior = load_prior("mine")
    assert (prior.name, prior.record["pixel_range"]) == ("mine", (0.5, 2.0))
    assert run(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith("mine (your own)")
    assert "mri-image-small" in listed
    assert run(["weights", "show", "mine"]) == 0
    shown = capsys.readouterr().out
    for fact in ("CC0", "0.5 to 2 mm", "sigma_data", "widths [8, 8]", str(home)):
        assert fact in shown
    assert run(["weights", "check"]) == 0
    assert "mine (your own): intact" in capsys.readouterr().out


def test_check_names_own_weights_that_are_damaged(home, trained, capsys):
    run(["weights", "add", str(trained), "--name", "mine"])
    path = weights.user_folder() / weights.record("mine").file
    path.write_bytes(path.read_bytes()[:-1])
    capsys.readouterr()
    assert run(["weights", "check"]) == 2
    said = capsys.readouterr()
    assert "mine (your own): weights 'mine' are damaged" in said.out
    assert "1 weights file(s) differ from their record: mine" in said.err
    assert run(["mri", "--prior", "mine", "--device", "cpu"]) == 2
    assert "damaged" in one_line(capsys)


def test_a_pickle_with_settings_is_converted(home, tmp_path):
    state = UNet(TINY).state_dict()
    torch.save({"state_dict": state, "settings": SETTINGS}, tmp_path / "other.pt")
    assert run(["weights", "add", str(tmp_path / "other.pt"), "--storage", "fp32"]) == 0
    tensors, settings, _ = weights.load("other")
    assert all(torch.equal(tensors[k], v) for k, v in state.items())
    assert settings == SETTINGS


def test_weights_alone_need_their_recipe(home, tmp_path, capsys):
    torch.save(UNet(TINY).state_dict(), tmp_path / "bare.pt")
    add = ["weights", "add", str(tmp_path / "bare.pt")]
    assert run(add) == 2
    assert "--config with the recipe's .toml and --sigma-data" in one_line(capsys)
    (tmp_path / "c.toml").write_text(RECIPE)
    assert run([*add, "--config", str(tmp_path / "c.toml"), "--sigma-data", "0.4"]) == 0
    settings = weights.load("bare")[1]
    assert (settings["sigma_data"], settings["levels"]) == (0.4, [0.001, 5.0])
    (tmp_path / "c.toml").write_text(RECIPE.replace("[8, 8]", "[8, 16]"))
    capsys.readouterr()
    assert run([*add, "--name", "wrong", "--config", str(tmp_path / "c.toml"), "--sigma-data", "0.4"]) == 2
    assert "make no image prior" in one_line(capsys)
    assert [r.name for r in weights.records(weights.user_folder())] == ["bare"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["weights", "add", "none.safetensors"], "cannot be read"),
        (["weights", "add", "x.onnx"], "neither .safetensors"),
        (["weights", "get", "nobody", "--from", "x"], "no registry knows 'nobody'"),
        (["weights", "get", "nobody", "--from", "x", "--sha256", "12"], "give 64 hexadecimal digits"),
        (["weights", "get", "mri-image", "--from", "none.safetensors"], "cannot be read"),
        (["weights", "show", "nobody"], "unknown weights 'nobody'"),
        (["weights", "add"], "see medrecon weights add --help"),
    ],
)
def test_what_cannot_work_is_one_line_and_leaves_no_folder(home, capsys, options, words):
    assert run(options) == 2
    assert words in one_line(capsys)
    assert not home.exists()


def test_get_keeps_what_the_registry_names(home, trained, capsys):
    shipped = weights.record("mri-image-small", FOLDER)
    source = str(FOLDER / str(shipped.file))
    assert run(["weights", "get", "mri-image-small", "--from", str(trained)]) == 2
    assert f"expected {shipped.sha256[:12]}; nothing was kept" in one_line(capsys)
    assert not home.exists()
    assert run(["weights", "get", "mri-image-small", "--from", source]) == 0
    own = weights.find("mri-image-small")
    assert own is not None
    assert own[1] == weights.user_folder()
    assert (own[0].licence, own[0].sha256) == (shipped.licence, shipped.sha256)


def test_show_gives_a_shipped_network_with_its_card(capsys):
    assert run(["weights", "show", "mri-image-small"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Research use; not a medical device." in said
    assert "| network |" not in said
