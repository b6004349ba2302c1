"""`medrecon score` of folders as a user runs it."""

import csv
import json

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
