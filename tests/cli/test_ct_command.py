"""`medrecon ct` as a user runs it: on the embedded phantom, on files, into a derived series; and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ct_bodies import bodies
from ct_files import write_ct
from ct_weights import cold_latent_file, cold_pixel_file

from medrecon.cli.main import run
from medrecon.evaluation import score_ct

KEYS = {
    "method", "options", "dose", "seconds_per_slice", "network_calls", "peak_memory_mib", "seed", "device", "weights",
    "versions", "scores",
}  # fmt: skip
FAST = ["--device", "cpu", "--threads", "1"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Path, Path]:
    """(low dose, full dose) as .npy, 3 slices."""
    folder = tmp_path_factory.mktemp("ct")
    full = bodies(3, 96)
    low = full + 25 * torch.randn(full.shape, generator=torch.Generator().manual_seed(2))
    np.save(folder / "full.npy", full.numpy())
    np.save(folder / "low.npy", low.numpy())
    return folder / "low.npy", folder / "full.npy"


def test_embedded_phantom_in_a_process_of_its_own(tmp_path: Path) -> None:
    out, record, picture = tmp_path / "clean.nii.gz", tmp_path / "run.json", tmp_path / "clean.png"
    argv = [sys.executable, "-c", "from medrecon.cli.main import main; main()", "ct", "--method", "tv", *FAST]
    argv += ["--slices", "0:1", "-o", str(out), "--json", str(record), "--picture", str(picture)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words in ("protocol: ct-full", "input", "0.25 of full dose", "RMSE", "peak memory", "research use"):
        assert words.lower() in done.stdout.lower()
    made = json.loads(record.read_text())
    assert set(made) >= KEYS
    assert made["scores"]["protocol"] == "ct-full"
    assert made["scores"]["method"]["mean"]["rmse"] < made["scores"]["input"]["mean"]["rmse"]
    assert set(made["scores"]["method"]["mean"]) == {"psnr", "ssim", "rmse"}
    assert len(made["scores"]["method"]["slices"]) == 1
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.nii.gz", "clean.png", "run.json"]


@pytest.mark.parametrize("method", ["nlm", "tv"])
def test_a_file_is_denoised_and_its_scores_are_those_of_medrecon_score(method, tmp_path, pair, capsys) -> None:
    low, full = pair
    out, record = tmp_path / "clean.npy", tmp_path / "run.json"
    argv = ["ct", str(low), "--method", method, "--dose", "0.25", "--reference", str(full), "--protocol", "ct-abdomen"]
    assert run([*argv, *FAST, "-o", str(out), "--json", str(record)]) == 0
    made = json.loads(record.read_text())
    mean = made["scores"]["method"]["mean"]
    assert (made["method"], made["dose"], made["scores"]["protocol"]) == (method, 0.25, "ct-abdomen")
    assert mean["rmse"] < 0.7 * made["scores"]["input"]["mean"]["rmse"]
    found = score_ct(np.load(out), np.load(full), "ct-abdomen").mean
    assert found == pytest.approx(mean, rel=1e-4)
    capsys.readouterr()
    assert run(["score", str(out), str(full), "--protocol", "ct-abdomen"]) == 0
    said = capsys.readouterr().out
    assert f"{mean['psnr']:.2f}" in said
    assert "ct-abdomen, -150 to 250 HU" in said


def test_some_slices_are_those_of_the_whole_and_nothing_is_scored_without_a_reference(tmp_path, pair, capsys) -> None:
    low, _ = pair
    base = ["ct", str(low), "--method", "tv", "--dose", "0.5", *FAST]
    assert run([*base, "-o", str(tmp_path / "whole.npy")]) == 0
    assert run([*base, "-o", str(tmp_path / "part.npy"), "--slices", "1:2", "--json", str(tmp_path / "a.json")]) == 0
    assert np.array_equal(np.load(tmp_path / "part.npy"), np.load(tmp_path / "whole.npy")[1:2])
    assert json.loads((tmp_path / "a.json").read_text())["scores"] is None
    assert "without --reference there is nothing to score against" in " ".join(capsys.readouterr().out.split())


def test_a_scan_scored_against_itself_has_no_psnr_in_the_record(tmp_path, pair) -> None:
    low, _ = pair
    np.save(tmp_path / "same.npy", np.load(low))
    argv = ["ct", str(low), "--method", "tv", "--dose", "0.25", *FAST, "--reference", str(tmp_path / "same.npy")]
    assert run([*argv, "--json", str(tmp_path / "a.json"), "--picture", str(tmp_path / "a.png")]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["scores"]["input"]["mean"]["psnr"] is None


@pytest.mark.parametrize("method", ["cold-latent", "cold-pixel"])
def test_an_untrained_network_gives_back_what_it_gets(method, tmp_path, pair, capsys) -> None:
    low, full = pair
    make = cold_latent_file if method == "cold-latent" else cold_pixel_file
    network, record = make(tmp_path / "tiny.safetensors"), tmp_path / "run.json"
    argv = ["ct", str(low), "--method", method, "--dose", "0.25", *FAST, "--prior", str(network), "--steps", "3"]
    argv += ["--reference", str(full), "--protocol", "e-red", "--picture", str(tmp_path / "a.png")]
    assert run([*argv, "-o", str(tmp_path / "clean.npy"), "--json", str(record)]) == 0
    made = json.loads(record.read_text())
    assert (made["network_calls"], made["options"]["steps"]) == (3, 3)
    assert made["weights"]["name"] == "tiny.safetensors"
    assert len(made["weights"]["sha256"]) == 64
    if method == "cold-pixel":
        shown = np.load(low).clip(-1024)  # the noise of air goes below what networks are shown
        assert np.abs(np.load(tmp_path / "clean.npy") - shown).max() < 20  # bfloat16 in, residual out
    assert "tiny.safetensors" in capsys.readouterr().out
    other = "cold-pixel" if method == "cold-latent" else "cold-latent"
    assert run(["ct", str(low), "--method", other, "--dose", "0.25", *FAST, "--prior", str(network)]) == 2
    assert "give another" in capsys.readouterr().err


def test_a_control_whose_weights_are_not_shipped_is_one_line(pair, capsys) -> None:
    assert run(["ct", str(pair[0]), "--method", "ddpm", "--dose", "0.25", *FAST]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "weights" in err


def test_a_series_becomes_a_derived_series_without_a_name(tmp_path) -> None:
    pydicom = pytest.importorskip("pydicom")
    hu = bodies(3, 96).round().short().numpy()
    source = tmp_path / "source"
    source.mkdir()
    write_ct(source, hu)
    argv = ["ct", str(source), "--method", "tv", "--dose", "0.25", *FAST]
    assert run([*argv, "-o", str(tmp_path / "clean")]) == 0
    assert run([*argv, "-o", str(tmp_path / "named"), "--keep-identity"]) == 0
    first = pydicom.dcmread(next(source.iterdir()))
    made = [pydicom.dcmread(path) for path in sorted((tmp_path / "clean").iterdir())]
    assert len(made) == 3
    assert all("DERIVED" in each.ImageType for each in made)
    assert all("tv" in each.DerivationDescription for each in made)
    assert str(first.PatientName) not in {str(each.get("PatientName")) for each in made}
    assert made[0].SeriesInstanceUID != first.SeriesInstanceUID
    named = pydicom.dcmread(next((tmp_path / "named").iterdir()))
    assert named.PatientName == first.PatientName


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--dose is missing"),
        (["--dose", "0"], "above 0 and up to 1"),
        (["--dose", "nan"], "above 0 and up to 1"),
        (["--dose", "0.25", "--prior", "ct"], "uses no prior"),
        (["--dose", "0.25", "--seed", "-1"], "--seed is -1"),
        (["--dose", "0.25", "-o", "folder"], "derived DICOM series"),
        (["--dose", "0.25", "-o", "a.jpg"], "ending"),
        (["--dose", "0.25", "-o", "a.npy", "--keep-identity"], "identity"),
        (["--dose", "0.25", "--picture", "a.jpg"], "ending"),
        (["--dose", "0.25", "--window", "wide"], "is no window"),
        (["--dose", "0.25", "--window", "50/0"], "is no window"),
        (["--dose", "0.25", "--slices", "9:12"], "select nothing"),
        (["--dose", "0.25", "--protocol", "e-du"], "protocol"),
        (["--dose", "0.25", "--reference", "other.npy"], "voxels"),
        (["--dose", "0.25", "--reference", "nothing.nii"], "no such file"),
        (["--dose", "0.25", "--json", "a.json", "--picture", "low.npy"], "ending"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_file(options, words, tmp_path, pair, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "low.npy").write_bytes(pair[0].read_bytes())
    np.save(tmp_path / "other.npy", bodies(2, 96).numpy())
    before = sorted(tmp_path.iterdir())
    assert run(["ct", "low.npy", "--method", "tv", *FAST, *options]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert words in err
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_is_no_input_and_the_phantom_needs_no_reference(tmp_path, pair, capsys) -> None:
    low, full = pair
    for argv, words in (
        ([str(low), "--dose", "0.25", "-o", str(low)], "input of this run"),
        ([str(low), "--dose", "0.25", "--reference", str(full), "-o", str(full)], "input of this run"),
        (["--reference", str(full)], "truth of its own"),
        (["--dose", "0.1"], "was taken at 0.25"),
        (["--method", "spirit"], "cold-latent"),
    ):
        assert run(["ct", "--method", "tv", *FAST, *argv]) == 2
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1
        assert words in err


def test_the_window_is_drawn_and_the_help_shows_the_methods_options(tmp_path, pair, capsys) -> None:
    low, _ = pair
    argv = ["ct", str(low), "--method", "tv", "--dose", "0.25", *FAST, "--slices", "0:1"]
    for window in ("lung", "50/400"):
        assert run([*argv, "--window", window, "-o", str(tmp_path / "out.png")]) == 0
        assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert run(["ct", "--help"]) == 0
    said = capsys.readouterr().out
    assert "--steps" in said
    assert "--dose" in said


def test_score_of_volumes_refuses_other_shapes_and_values(tmp_path, pair, capsys) -> None:
    low, _ = pair
    np.save(tmp_path / "other.npy", bodies(2, 96).numpy())
    holes = np.load(low)
    holes[0, 0, 0] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    for name, words in (("other.npy", "same grid"), ("holes.npy", "NaN")):
        assert run(["score", str(tmp_path / name), str(low), "--protocol", "ct-chest"]) == 2
        err = capsys.readouterr().err
        assert words in err
        assert len(err.splitlines()) == 1
