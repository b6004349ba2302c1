"""`medrecon mri` on the embedded scan, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from medrecon.cli.main import run
from medrecon.io.fastmri_write import write_fastmri
from medrecon.scan import Scan

KEYS = {
    "method", "options", "net_acceleration", "nominal_acceleration", "seconds_per_slice",
    "calibration_seconds_per_slice", "network_calls", "peak_memory_mib", "residual", "holdout_nmse", "seed", "device",
    "weights", "versions", "scores",
}  # fmt: skip


def test_embedded_scan_in_a_process_of_its_own(tmp_path: Path) -> None:
    out, record, picture = tmp_path / "image.h5", tmp_path / "run.json", tmp_path / "image.png"
    argv = [sys.executable, "-c", "from medrecon.cli.main import main; main()", "mri"]
    argv += ["--method", "sense", "--accel", "4", "--slices", "0:1", "--device", "cpu", "--holdout"]
    argv += ["-o", str(out), "--json", str(record), "--picture", str(picture)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words in ("reference: simulated", "protocol: full-range", "zero-filled", "net acceleration", "residual",
                  "prior", "peak memory", "research use", "withheld"):  # fmt: skip
        assert words.lower() in done.stdout.lower()
    made = json.loads(record.read_text())
    assert set(made) == KEYS
    assert made["scores"]["method"]["mean"]["psnr"] > made["scores"]["zero_filled"]["mean"]["psnr"]
    assert made["holdout_nmse"] > 0
    with h5py.File(out) as file:
        assert file["reconstruction"].shape == file["reference"].shape == (1, 224, 208)
        assert file["reconstruction"].dtype == np.float32
        assert np.allclose(np.abs(file["reconstruction_complex"][()]), file["reconstruction"][()], rtol=1e-4)
        assert json.loads(file.attrs["provenance"]) == made
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["image.h5", "image.png", "run.json"]


@pytest.fixture
def small(tmp_path: Path, full_scan: Scan) -> Path:
    return write_fastmri(tmp_path / "small.h5", full_scan)


def test_mask_file_and_nominal_acceleration(tmp_path: Path, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = np.arange(56) % 3 == 0
    lines[20:36] = True
    np.save(tmp_path / "mask.npy", lines)
    record = tmp_path / "run.json"
    common = ["mri", str(small), "--method", "zero-filled", "--device", "cpu", "--json", str(record)]
    assert run([*common, "--mask", str(tmp_path / "mask.npy")]) == 0
    made = json.loads(record.read_text())
    assert made["net_acceleration"] == pytest.approx(56 / lines.sum())
    assert made["nominal_acceleration"] is None
    assert run([*common, "--mask", "fastmri-random", "--accel", "3"]) == 0
    made = json.loads(record.read_text())
    assert made["nominal_acceleration"] == 3
    assert "nominal: 3.00" in capsys.readouterr().out


def test_seed_draws_another_mask(tmp_path: Path, small: Path) -> None:
    images = []
    for seed in ("0", "0", "1"):
        out = tmp_path / "image.npy"
        assert (
            run(["mri", str(small), "--method", "zero-filled", "--device", "cpu", "--seed", seed, "-o", str(out)]) == 0
        )
        images.append(np.load(out))
    assert np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_score_agrees_with_the_record(tmp_path: Path, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, record = tmp_path / "image.h5", tmp_path / "run.json"
    argv = ["mri", str(small), "--method", "zero-filled", "--device", "cpu", "-o", str(out), "--json", str(record)]
    assert run(argv) == 0
    capsys.readouterr()
    assert run(["score", str(out), str(small)]) == 0
    said = capsys.readouterr().out
    mean = json.loads(record.read_text())["scores"]["method"]["mean"]
    assert "full-range" in said
    for name in ("psnr", "psnr_foreground"):
        assert f"{mean[name]:.2f}" in said


def test_info_of_the_embedded_scan(capsys: pytest.CaptureFixture[str]) -> None:
    from medrecon import demo_path

    assert run(["info", str(demo_path())]) == 0
    said = capsys.readouterr().out
    for words in ("coils", "224 x 208", "fully sampled", "noise"):
        assert words in said
