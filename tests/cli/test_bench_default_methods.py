"""`medrecon bench mri` gives each method the priors made for it, and leaves out what has none unless it is named."""

import json
from pathlib import Path

import pytest
import torch
from phantom import head
from small_priors import band_file, image_file

from medrecon import weights
from medrecon.bench.conditions import METHODS
from medrecon.cli.bench_priors import cast
from medrecon.cli.main import run
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.weights.add import described, keep

CPU = torch.device("cpu")
CLASSICAL = METHODS[:5]


@pytest.fixture
def image(tmp_path: Path) -> str:
    return str(image_file(tmp_path / "image.safetensors"))


@pytest.fixture
def band(tmp_path: Path) -> str:
    return str(band_file(tmp_path / "band.safetensors"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights that can be filled: nobody else's."""
    monkeypatch.setenv("MEDRECON_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_published_forms_are_run_where_they_are_named_alone() -> None:
    assert not {"hfs-paper", "hfs-released", "spirit-paper"} & set(METHODS)


def test_a_prior_given_leaves_out_methods_that_it_was_not_made_for(image: str, band: str) -> None:
    found = cast((), (image,), CPU)
    assert (found.methods, len(found.priors)) == ((*CLASSICAL, "dds", "spirit"), 1)
    assert found.left_out == ("method hfs, since no prior given was made for it",)
    assert cast((), (band,), CPU).methods == (*CLASSICAL, "hfs")
    assert cast((), (image, band), CPU).methods == METHODS


def test_what_is_named_stays(image: str, band: str) -> None:
    assert cast(("hfs",), (image,), CPU).methods == ("hfs",)
    assert cast(("dds",), (band,), CPU).methods == ("dds",)
    assert cast(("sense",), ("nowhere.safetensors",), CPU).priors == ()


def test_without_priors_each_method_takes_its_own(home: Path, band: str) -> None:
    data = Path(band).read_bytes()
    keep(data, described("mri-hfs", data))
    found = cast((), (), CPU)
    assert (found.methods, found.left_out) == (METHODS, ())
    assert [prior.name for prior in found.priors] == ["mri-image-small", "mri-hfs"]
    assert [prior.name for prior in cast(("hfs",), (), CPU).priors] == ["mri-hfs"]


def test_a_prior_that_is_not_there_breaks_no_default_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = weights.find
    monkeypatch.setattr(weights, "find", lambda name: None if name == "mri-hfs" else found(name), raising=False)
    made = cast((), (), CPU)
    assert (made.methods, [prior.name for prior in made.priors]) == (METHODS[:-1], ["mri-image-small"])
    assert made.left_out == ("method hfs, since its prior mri-hfs is not there",)
    with pytest.raises(InputError, match="nobody"):
        cast(("hfs",), ("nobody",), CPU)


def test_the_command(tmp_path: Path, image: str, band: str, capsys: pytest.CaptureFixture[str]) -> None:
    values = torch.from_numpy(head(8, 48, 48)).float()
    write_pack(tmp_path / "pack.h5", [TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")])
    argv = ["bench", "mri", "--data", str(tmp_path / "pack.h5"), "-o", str(tmp_path / "b"), "--device", "cpu"]
    argv += ["--accel", "2", "--slices", "1", "--coils", "4", "--snr", "40", "--seeds", "0", "--masks", "hfs-uniform"]
    draws = ["--steps", "2", "--samples", "1", "--methods"]
    assert run([*argv, *draws, "dds", "--prior", band]) == 2
    said = capsys.readouterr().err
    assert "method 'dds' needs a prior of whole images here, and band.safetensors" in said
    assert len(said.splitlines()) == 1
    assert run([*argv, *draws, "dds", "hfs", "--prior", image, band]) == 0
    assert "hfs-uniform R2 (net 1.33) s0 dds" in capsys.readouterr().out
    (file,) = tmp_path.glob("b_*.json")
    rows = json.loads(file.read_text())["rows"]
    assert {row["method"]: row["weights"]["name"] for row in rows} == {
        "dds": "image.safetensors", "hfs": "band.safetensors"
    }  # fmt: skip
    assert rows[0]["net_acceleration"] == pytest.approx(48 / 36)
