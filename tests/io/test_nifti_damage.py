"""NIfTI files that were damaged: one line from every command that reads them, never a traceback."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from result_folders import reconstruction

from medrecon.cli.main import run
from medrecon.io import save

CODE, AXES = slice(70, 72), slice(40, 42)
"""Where a header holds its data type and its number of axes."""


@pytest.fixture(params=["data type", "axes", "stream", "cut off"])
def damaged(request, tmp_path):
    path = tmp_path / "bad.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((16, 16, 3), np.float32), np.eye(4)), path)
    data = bytearray(gzip.decompress(path.read_bytes()))
    if request.param == "data type":
        data[CODE] = (9999).to_bytes(2, "little")
    if request.param == "axes":
        data[AXES] = (9).to_bytes(2, "little")
    packed = gzip.compress(bytes(data))
    broken = {"stream": b"\x1f\x8b\x08\x00garbage, garbage", "cut off": packed[: len(packed) // 2]}
    path.write_bytes(broken.get(request.param, packed))
    return path


def test_every_command_says_so_in_one_line(damaged, tmp_path, capsys):
    good = tmp_path / "good.nii.gz"
    save(reconstruction(slices=2), good)
    for argv in (
        ["info", damaged],
        ["score", damaged, good],
        ["score", good, damaged],
        ["score", damaged, good, "--protocol", "ct-full"],
        ["ct", damaged, "--dose", "0.5", "--method", "nlm", "-o", tmp_path / "out.nii.gz"],
    ):
        assert run(list(map(str, argv))) == 2, argv
        said = capsys.readouterr().err
        assert said.count("\n") == 1, argv
        assert f"{damaged}: cannot be read as NIfTI" in said, argv
    assert not (tmp_path / "out.nii.gz").exists()


def test_simulation_says_so_in_one_line(damaged, tmp_path, capsys):
    assert run(["simulate", "mri", str(damaged), "-o", str(tmp_path / "scan.h5")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{damaged} cannot be read as NIfTI" in said
    assert run(["simulate", "mri", str(tmp_path), "-o", str(tmp_path / "scan.h5")]) == 2
    assert "is a folder; give one NIfTI volume" in capsys.readouterr().err
    assert not (tmp_path / "scan.h5").exists()


def test_a_folder_is_scored_and_shown_without_it(damaged, tmp_path, capsys):
    for folder in ("p", "t"):
        (tmp_path / folder).mkdir()
        for name in ("bad", "good"):
            save(reconstruction(slices=2), tmp_path / folder / f"{name}.nii.gz")
    (tmp_path / "p" / "bad.nii.gz").write_bytes(damaged.read_bytes())
    assert run(["score", str(tmp_path / "p"), str(tmp_path / "t")]) == 1
    assert "passed over bad: " in capsys.readouterr().err
    assert run(["report", str(tmp_path / "p")]) == 1
    assert "left out bad.nii.gz: " in capsys.readouterr().err
