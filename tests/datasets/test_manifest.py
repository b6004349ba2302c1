import hashlib
from pathlib import Path

import pytest

from medrecon.datasets.manifest import check_folder, read_manifest
from medrecon.errors import InputError

MANIFESTS = Path(__file__).parents[2] / "data_manifests"
FACTS = 'name = "set"\nsource = "here"\nlicence = "MIT"\nobtain = """\nask\nme\n"""\n'


def manifest(folder, rows, facts=FACTS, columns="file,split,sha256,bytes,count"):
    (folder / "set.toml").write_text(facts)
    (folder / "set.csv").write_text("\n".join([columns, *rows]) + "\n")
    return read_manifest(folder / "set.toml")


def files(folder, **contents):
    for name, text in contents.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def verdicts(found):
    return {finding.expected.file: finding.verdict for finding in found.findings}


def test_files_are_right_by_hash_else_by_size_else_by_being_there(tmp_path):
    right = hashlib.sha256(b"one").hexdigest()
    rows = [f"a,train,{right.upper()},,", f"b,train,{right},3,", "c,,,3,", "d,,,3,", "e,,,,", "f,,,,"]
    data = files(tmp_path / "data", a="one", deep__b="two", c="abc", d="abcd", e="")
    found = check_folder(manifest(tmp_path, rows), data)
    expected = ["present", "different", "present", "different", "present", "missing"]
    assert verdicts(found) == dict(zip("abcdef", expected, strict=True))
    assert not found.all_right
    assert "sha256" in found.findings[1].why
    assert "4 bytes, 3 expected" in found.findings[3].why


def test_one_right_copy_is_enough(tmp_path):
    right = hashlib.sha256(b"one").hexdigest()
    data = files(tmp_path / "data", old__a="zero", new__a="one")
    assert check_folder(manifest(tmp_path, [f"a,,{right},,"]), data).all_right


def test_patterns_are_counted_at_any_depth(tmp_path):
    data = files(tmp_path / "data", x__val__1="", x__val__2="", y__val__3="", val__not__4="", **{".hidden": ""})
    rows = ["val/*,,,,3", "val/[12],,,,3", "val/?,,,,2", "va*/[3],,,,", "test/*,,,,5"]
    found = check_folder(manifest(tmp_path, rows), data)
    assert [f.verdict for f in found.findings] == ["present", "missing", "different", "present", "missing"]
    assert [f.why for f in found.findings] == [
        "all 3 files",
        "2 of 3 files",
        "3 of 2 files",
        "1 files",
        "none of 5 files",
    ]
    assert found.unexpected == 1


def test_a_split_can_be_checked_alone_and_others_are_still_expected(tmp_path):
    data = files(tmp_path / "data", a="", b="")
    made = manifest(tmp_path, ["a,train,,,", "b,val,,,", "c,val,,,"])
    found = check_folder(made, data, ("train",))
    assert verdicts(found) == {"a": "present"}
    assert found.all_right
    assert found.unexpected == 0
    with pytest.raises(InputError, match="no split test; choose of train, val"):
        check_folder(made, data, ("test",))


@pytest.mark.parametrize(
    ("facts", "rows", "words"),
    [
        ("name = ", ["a,,,,"], "cannot be read"),
        ('name = "x"\n', ["a,,,,"], "lacks source, licence, obtain"),
        (FACTS, [], "lacks files"),
        (FACTS, ["a,,,many,"], "cannot be read"),
        (FACTS, [",train,,,"], "a row without a file"),
    ],
)
def test_bad_manifests_are_one_line(facts, rows, words, tmp_path):
    with pytest.raises(InputError, match=words) as refusal:
        manifest(tmp_path, rows, facts)
    assert "\n" not in str(refusal.value)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="is no manifest"):
        read_manifest(tmp_path / "set.toml")
    made = manifest(tmp_path, ["a,,,,"])
    with pytest.raises(InputError, match="is no manifest"):
        read_manifest(tmp_path / "set.csv")
    with pytest.raises(InputError, match="is no folder"):
        check_folder(made, tmp_path / "nothing")


@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("*.toml")), ids=lambda path: path.stem)
def test_manifests_of_the_project_can_be_read_and_split_by_subject(path):
    made = read_manifest(path)
    assert len({row.file for row in made.files}) == len(made.files)
    assert {row.split for row in made.files} <= {"train", "tune", "val", "test"}
    assert all(len(row.sha256) in (0, 64) for row in made.files)


def test_no_subject_of_the_open_set_stands_in_two_splits():
    import csv

    with (MANIFESTS / "mri.csv").open() as file:
        rows = list(csv.DictReader(file))
    splits = {}
    for row in rows:
        splits.setdefault(row["subject"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
