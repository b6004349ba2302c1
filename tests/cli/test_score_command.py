"""`medrecon score` of folders as a user runs it."""

import csv
import json

import numpy as np
import pytest
from fastmri_folders import image, record, write_prediction, write_target

from medrecon.cli.main import run


@pytest.fixture
def folders(tmp_path):
    predictions, targets = tmp_path / "p", tmp_path / "t"
    for i in range(3):
        values = image(48, 40, seed=i)
        write_target(targets / f"file{i}.h5", values)
        write_prediction(predictions / f"file{i}.h5", values, noise=0.01 * (i + 1), record=record())
    return predictions, targets


def test_table_csv_and_json_hold_the_same_numbers(folders, tmp_path, capsys):
    out, rows = tmp_path / "scores.json", tmp_path / "scores.csv"
    argv = ["score", *map(str, folders), "--protocol", "fastmri", "--csv", str(rows), "--json", str(out)]
    assert run(argv) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "reference: rss, protocol: fastmri" in said.out
    assert "3 volumes, each counting once; made by spirit" in said.out
    written = json.loads(out.read_text())
    table = list(csv.DictReader(rows.read_text().splitlines()))
    assert [row["volume"] for row in table] == ["file0", "file1", "file2"]
    assert {row["protocol"] + row["reference"] + row["method"] for row in table} == {"fastmrirssspirit"}
    for row, volume in zip(table, written["volumes"], strict=True):
        assert {name: float(row[name]) for name in volume["mean"]} == volume["mean"]
        assert f"{volume['mean']['psnr']:.2f}" in said.out
    assert f"{written['std']['psnr']:.2f}" in said.out
    assert written["mean"]["psnr"] == pytest.approx(sum(v["mean"]["psnr"] for v in written["volumes"]) / 3)
    assert "MRN4711" not in out.read_text() + rows.read_text() + said.out


def test_exit_codes(folders, tmp_path, capsys):
    predictions, targets = folders
    (predictions / "file1.h5").unlink()
    (predictions / "file2.h5").write_text("damaged")
    assert run(["score", str(predictions), str(targets)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "missing: file1 has a target and no prediction"
    assert errors[1].startswith("passed over file2: ")
    for wrong in (
        ["score", str(predictions), str(targets / "file0.h5")],
        ["score", str(predictions), str(targets), "--csv", str(tmp_path / "none" / "a.csv")],
        ["score", str(predictions), str(targets), "--protocol", "ct-chest", "--dataset", "truth"],
        ["score", str(predictions / "file0.h5"), str(targets / "file0.h5"), "--acquisition", "AXT2"],
    ):
        assert run(wrong) == 2, wrong
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_one_pair_has_its_json_and_csv_too(folders, tmp_path):
    predictions, targets = folders
    argv = ["score", str(predictions / "file0.h5"), str(targets / "file0.h5"), "--protocol", "fastmri"]
    assert run([*argv, "--json", str(tmp_path / "one.json"), "--csv", str(tmp_path / "one.csv")]) == 0
    written = json.loads((tmp_path / "one.json").read_text())
    assert (written["reference"], len(written["volumes"])) == ("rss", 1)
    assert written["std"]["psnr"] is None


def test_a_pair_is_held_to_the_same_as_a_folder(tmp_path, capsys):
    """Its modality is that of the protocol, its two sides are of a kind, and the record says what made it."""
    values, out = image(48, 40), tmp_path / "s.json"
    target = write_target(tmp_path / "t" / "file.h5", values)
    pred = write_prediction(tmp_path / "p" / "file.h5", values, record=record())
    assert run(["score", str(pred), str(target), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["methods"] == ["spirit"]
    np.save(tmp_path / "ct.npy", values)
    made = {"method": "tv", "dose": 0.25, "versions": {}, "scores": None}
    (tmp_path / "ct.json").write_text(json.dumps(made))
    capsys.readouterr()
    for argv, said in (
        ([pred, target, "--protocol", "ct-full"], "file.h5 is MR, by spirit, and 'ct-full' is no protocol of MR"),
        ([tmp_path / "ct.npy", target], "ct.npy is CT, by tv, and 'full-range' is no protocol of CT"),
        ([pred.parent, target], f"{pred.parent} is a folder of images and {target} one image; give two of a kind"),
        ([pred, target.parent], f"{target.parent} is a folder of images and {pred} one image; give two of a kind"),
        ([pred.parent, tmp_path / "none"], f"{tmp_path / 'none'}: no such file or folder"),
    ):
        assert run(["score", *map(str, argv)]) == 2, argv
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_what_is_no_ct_is_one_line(tmp_path, capsys):
    values = image(48, 40)
    files = [str(write_target(tmp_path / name / "f.h5", values)) for name in ("p", "t")]
    assert run(["score", *files, "--protocol", "ct-full"]) == 2
    assert "neither DICOM nor NIfTI nor .npy" in capsys.readouterr().err
