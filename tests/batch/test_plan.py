"""The plan: the same for everyone, dealt without overlap; outputs have one input, and names name nobody."""

import h5py
import numpy as np
import pytest
from ct_files import chest, write_ct

from medrecon.batch.discreet import hidden, names_patient
from medrecon.batch.inputs import ct_plan, mri_plan
from medrecon.batch.plan import Shard
from medrecon.errors import InputError


def scan(path, slices=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["kspace"] = np.zeros((slices, 1, 4, 4), np.complex64)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_shards_are_disjoint_and_together_the_plan(tmp_path, count):
    for i in range(8):
        scan(tmp_path / f"{7 - i}.h5", i + 1)
    plan = mri_plan(tmp_path, tmp_path / "out")
    parts = [plan.part(Shard(i, count)) for i in range(count)]
    assert sorted(item.name for part in parts for item in part) == [item.name for item in plan.items]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [item.slices for item in plan.items] == list(range(8, 0, -1))


@pytest.mark.parametrize("text", ["3", "1/0", "2/2", "a/b", "-1/2", "1/2/3"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(InputError, match=r"from 0 to n - 1"):
        Shard.of(text)


def test_patterns_folders_and_what_is_left_out(tmp_path):
    for name in ("b.h5", "a.h5", "sub/c.h5", ".hidden.h5", "out/a.h5", "x.txt"):
        scan(tmp_path / name)
    out = tmp_path / "out"
    assert [item.name for item in mri_plan(tmp_path, out).items] == ["a.h5", "b.h5"]
    deep = mri_plan(tmp_path, out, "**/*.h5").items
    assert [item.out.relative_to(out).as_posix() for item in deep] == ["a.h5", "b.h5", "sub/c.h5"]
    for pattern in ("*.npy", "", "/abs/*.h5"):
        with pytest.raises(InputError, match=r"pattern|nothing"):
            mri_plan(tmp_path, out, pattern or "../none*")


def test_two_inputs_of_one_output_are_refused(tmp_path):
    scan(tmp_path / "a.h5")
    scan(tmp_path / "a.hdf5")
    with pytest.raises(InputError, match=r"a\.h5 and a\.hdf5 would both be written as a\.h5"):
        mri_plan(tmp_path, tmp_path / "out", "a.*")


def test_a_file_that_is_cut_off_has_a_place_in_the_plan(tmp_path):
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert [item.slices for item in mri_plan(tmp_path, tmp_path / "out").items] == [None]


def test_digest_tells_plans_apart(tmp_path):
    scan(tmp_path / "a.h5")
    first = mri_plan(tmp_path, tmp_path / "out").digest
    assert mri_plan(tmp_path, tmp_path / "elsewhere").digest == first
    scan(tmp_path / "b.h5")
    assert mri_plan(tmp_path, tmp_path / "out").digest != first


def test_ct_volumes_are_nifti_files_and_series_at_any_depth(tmp_path):
    for name in ("v1.nii.gz", "v2.nii", "note.txt"):
        (tmp_path / name).write_bytes(b"none")
    write_ct(tmp_path / "study" / "1.2.840.7", chest(3))
    write_ct(tmp_path / "chest", chest(2))
    out = tmp_path / "out"
    items = ct_plan(tmp_path, out).items
    assert [(item.out.relative_to(out).as_posix(), item.slices) for item in items] == [
        ("chest", 2), ("study/1_2_840_7", 3), ("v1.nii.gz", None), ("v2.nii.gz", None),
    ]  # fmt: skip
    (tmp_path / "v1.nii").write_bytes(b"none")
    with pytest.raises(InputError, match="would both be written"):
        ct_plan(tmp_path, out)


@pytest.mark.parametrize("folder", ["ROE_JANE/chest", "study/jäne roe", "2024/mrn4711", "acc0815"])
def test_a_folder_that_is_called_after_the_patient_loses_its_name(tmp_path, folder):
    write_ct(tmp_path / folder, chest(2))
    item = ct_plan(tmp_path, tmp_path / "out").items[0]
    assert item.name.startswith("series-")
    assert item.out.name == item.name
    assert item == ct_plan(tmp_path, tmp_path / "out").items[0]
    assert not names_patient(str(item), item.private)
    kept = ct_plan(tmp_path, tmp_path / "out", keep_identity=True).items[0]
    assert kept.name == folder


def test_messages_lose_the_words_of_the_patient():
    words = ("MRN4711", "Jane", "Roe")
    assert hidden("jane_roe/IM1:\n cut off; wrong heroes", words) == "***_***/IM1: cut off; wrong heroes"


def test_a_link_to_a_file_that_is_not_there_is_not_passed_over_in_silence(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "lost.h5").symlink_to("annex/object")
    plan = mri_plan(tmp_path, tmp_path / "out")
    assert [(item.name, item.slices) for item in plan.items] == [("lost.h5", None)]


def test_the_two_files_of_a_bart_scan_are_one_item(tmp_path):
    """So that a folder of several formats can be taken by the pattern *."""
    for name in ("a.cfl", "a.hdr", "alone.hdr", "b.h5"):
        scan(tmp_path / name)
    names = [item.name for item in mri_plan(tmp_path, tmp_path / "out", "*").items]
    assert names == ["a.cfl", "alone.hdr", "b.h5"]
