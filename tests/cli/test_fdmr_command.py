"""`medrecon mri --method fdmr` with a tiny DDGAN, in-process."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_priors import image_file
from tiny_ddgan import tiny_file

from medrecon.cli.main import run
from medrecon.io.fastmri_write import write_fastmri
from medrecon.scan import Scan


@pytest.fixture
def scan(tmp_path: Path, full_scan: Scan) -> Path:
    return write_fastmri(tmp_path / "scan.h5", full_scan)


def command(scan: Path, prior: Path, *more: str) -> list[str]:
    return ["mri", str(scan), "--method", "fdmr", "--prior", str(prior), "--device", "cpu", "--slices", "0:1", *more]


@pytest.mark.parametrize("mode", ["fdmr", "static", "adadiff", "dip"])
def test_a_run_writes_image_and_record(tmp_path: Path, scan: Path, mode: str, capsys) -> None:
    out, record = tmp_path / "image.h5", tmp_path / "run.json"
    more = ["--accel", "3", "--mode", mode, "--iterations", "2", "-o", str(out), "--json", str(record)]
    assert run(command(scan, tiny_file(tmp_path / "tiny.safetensors"), *more)) == 0
    made = json.loads(record.read_text())
    assert (made["method"], made["options"]["mode"], made["options"]["iterations"]) == ("fdmr", mode, 2)
    assert made["weights"]["name"] == "tiny.safetensors"
    with h5py.File(out) as file:
        assert np.isfinite(file["reconstruction"][()]).all()
    assert "network calls a slice" in capsys.readouterr().out


def test_without_a_prior_the_shipped_one_is_taken(tmp_path: Path, scan: Path) -> None:
    record = tmp_path / "run.json"
    given = ["--method", "fdmr", "--device", "cpu", "--slices", "0:1", "--accel", "3", "--iterations", "1"]
    assert run(["mri", str(scan), *given, "--json", str(record)]) == 0
    made = json.loads(record.read_text())
    assert made["weights"]["name"] == "mri-ddgan"
    assert made["scores"]["method"]["mean"]["psnr_foreground"] > 20


def test_holdout_and_stop_rules_go_together(tmp_path: Path, scan: Path) -> None:
    record = tmp_path / "run.json"
    more = ["--accel", "2", "--iterations", "2", "--holdout", "--json", str(record)]
    assert run(command(scan, tiny_file(tmp_path / "tiny.safetensors"), *more)) == 0
    assert json.loads(record.read_text())["holdout_nmse"] > 0


def test_another_prior_is_one_line(tmp_path: Path, scan: Path, capsys) -> None:
    assert run(command(scan, image_file(tmp_path / "image.safetensors"))) == 2
    err = capsys.readouterr().err
    assert "DDGAN" in err
    assert len(err.splitlines()) == 1


def test_options_are_explained(capsys) -> None:
    run(["mri", "--method", "fdmr", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--mode fdmr|static|adadiff|dip" in said or "--mode {fdmr,static,adadiff,dip}" in said
    for option in ("--iterations", "--stop", "--parameters", "--refine", "--warm", "--patience", "--trust"):
        assert option in said
    assert "{None}" not in said
    run(["mri", "--help"])
    assert "hfs or fdmr" in " ".join(capsys.readouterr().out.split())
