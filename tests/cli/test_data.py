"""`medrecon data`: what it prints, and with which code it leaves."""

import hashlib

import pytest
from dicom_files import grey_head, write_series

from medrecon.cli.main import run
from medrecon.datasets.pack import training_volumes


@pytest.fixture
def folder(tmp_path):
    for person in range(4):
        write_series(tmp_path / "in" / f"p{person}", grey_head(3, seed=person), PatientID=f"MRN471{person}")
    (tmp_path / "in" / "broken.nii").write_text("no image")
    (tmp_path / "in" / "notes.txt").write_text("hello")
    return tmp_path


def test_pack_prints_a_row_a_volume_and_names_what_it_passed_over(folder, capsys):
    assert run(["data", "pack", str(folder / "in"), "-o", str(folder / "p.h5"), "--held-out", "0.25"]) == 0
    said = capsys.readouterr()
    table = said.out.splitlines()
    assert table[0].split()[:3] == ["name", "subject", "split"]
    assert " ".join(table[1].split()).endswith("48x40 -> 48x40 4.00 x 1.00 x 1.50 3 of 3")
    assert {row.split()[2] for row in table[1:5]} == {"train", "held-out"}
    assert "4 volumes: 3 train (subjects: 3), 1 held-out (subjects: 1); 0 empty slices dropped" in said.out
    assert "1 passed over, 1 other files" in said.out
    (complaint,) = said.err.splitlines()
    assert complaint.startswith("passed over broken.nii: ")
    assert "MRN" not in said.out + said.err
    assert len(training_volumes(folder / "p.h5")) == 3


def test_pack_holds_out_whom_it_is_told(folder, capsys):
    argv = ["data", "pack", str(folder / "in"), "-o", str(folder / "p.h5"), "--held-out", "MRN4712", "p0"]
    assert run(argv) == 0
    table = capsys.readouterr().out.splitlines()[1:5]
    assert [row.split()[2] for row in table] == ["held-out", "train", "held-out", "train"]


BAD = {
    "no folder": (["nowhere"], "is no folder"),
    "share of one": (["in", "--held-out", "1"], "--held-out 1 is no subject"),
    "share below zero": (["in", "--held-out", "-0.5"], "--held-out"),
    "unknown name": (["in", "--held-out", "p7"], "p7 is no subject"),
    "every name": (["in", "--held-out", "p0", "p1", "p2", "p3", "broken"], "every subject"),
    "seed a word": (["in", "--seed", "x"], "--seed is 'x'"),
    "no volumes": (["empty"], "no NIfTI file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_calls_are_one_line_exit_2_and_no_file(case, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    words, expected = BAD[case]
    assert run(["data", "pack", *words, "-o", "p.h5"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert expected in said.err
    assert sorted(p.name for p in folder.iterdir()) == ["empty", "in"]


def test_pack_wants_an_h5_file(folder, capsys):
    assert run(["data", "pack", str(folder / "in"), "-o", str(folder / "p.zip")]) == 2
    assert "use .h5" in capsys.readouterr().err


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("one")
    (tmp_path / "data" / "stray").write_text("")
    (tmp_path / "set.toml").write_text('name = "set"\nsource = "here"\nlicence = "MIT"\nobtain = "ask"\n')
    (tmp_path / "set.csv").write_text(f"file,split,sha256\na,train,{hashlib.sha256(b'one').hexdigest()}\n")
    return tmp_path


def test_check_leaves_with_0_if_all_is_right(manifest, capsys):
    assert run(["data", "check", str(manifest / "set.toml"), str(manifest / "data")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["present    a", "set: 1 of 1 present and right, 0 missing, 0 different; 1 unexpected file(s)"]


def test_check_leaves_with_1_if_a_file_is_wrong_and_says_how_to_obtain_it(manifest, capsys):
    (manifest / "data" / "a").write_text("two")
    assert run(["data", "check", str(manifest / "set.toml"), str(manifest / "data")]) == 1
    said = capsys.readouterr().out
    assert "different  a: sha256" in said
    assert "how to obtain it: ask" in said


@pytest.mark.parametrize(
    "argv", [["set.csv", "data"], ["set.toml", "nowhere"], ["set.toml", "data", "--split", "val"], []]
)
def test_check_leaves_with_2_on_a_bad_call(argv, manifest, capsys, monkeypatch):
    monkeypatch.chdir(manifest)
    assert run(["data", "check", *argv]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
