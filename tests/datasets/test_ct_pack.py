"""CT packs: thick slices, the split by subject, what a pack never holds, and what is refused."""

import re

import h5py
import nibabel
import numpy as np
import pytest
import torch
from ct_pairs import disc

from medrecon.cli.main import run
from medrecon.datasets.ct.pack import read_ct_pack, write_ct_pack
from medrecon.datasets.ct.packing import CtPackOptions, pack_ct_folder
from medrecon.datasets.ct.volume import thickened
from medrecon.errors import InputError


def nifti(path, slices=7, z=1.0, offset=0.0):
    values = np.full((20, 18, slices), -1000.0, np.float32)
    values[4:14, 4:12] = 40 + offset + np.arange(slices)
    image = nibabel.Nifti1Image(values.astype(np.int16), np.diag([0.8, 0.9, z, 1.0]))
    path.parent.mkdir(exist_ok=True, parents=True)
    nibabel.save(image, path)


@pytest.fixture
def folder(tmp_path):
    nifti(tmp_path / "in" / "train" / "alice.nii.gz")
    nifti(tmp_path / "in" / "train" / "bob_study1.nii.gz", z=2.0, offset=100)
    nifti(tmp_path / "in" / "val" / "carol.nii.gz", z=8.0)
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    return tmp_path / "in"


def test_slices_are_averaged_as_far_as_they_fit_and_none_twice():
    values = torch.arange(7, dtype=torch.float32)[:, None, None].expand(7, 2, 2) * 10
    thick, mm = thickened(values, 1.0, 3.0)
    assert (thick.dtype, mm) == (torch.int16, 3.0)
    assert thick[:, 0, 0].tolist() == [10, 40]
    assert thickened(values, 2.0, 3.0)[0][:, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert thickened(values, 0.6, 3.0)[1] == pytest.approx(3.0)
    assert thickened(values - 5000, 8.0)[0].min() == -1024


def test_a_pack_gives_back_what_it_was_given(tmp_path):
    path = tmp_path / "ct.h5"
    volumes = [disc("a"), disc("b", split="held-out")]
    write_ct_pack(path, volumes)
    (train,), (held,) = read_ct_pack(path, "train"), read_ct_pack(path, "held-out")
    assert torch.equal(train.values, volumes[0].values)
    assert (train.name, train.voxel_mm, held.name) == ("a", (3.0, 4.0, 4.0), "b")
    assert len(read_ct_pack(path)) == 2


def test_a_folder_is_packed_by_subject(folder, tmp_path):
    out = tmp_path / "ct.h5"
    record = pack_ct_folder(folder, out, CtPackOptions(("val",)))
    rows = {row.name: row for row in record.volumes}
    assert {name: row.split for name, row in rows.items()} == {
        "alice": "train", "bob_study1": "train", "carol": "held-out",
    }  # fmt: skip
    assert (rows["alice"].slices, rows["alice"].slices_before) == (2, 7)
    assert rows["alice"].voxel_mm == pytest.approx((3.0, 0.9, 0.8))
    assert rows["bob_study1"].subject == "bob"
    assert record.others == 1
    (held,) = read_ct_pack(out, "held-out")
    assert held.values.max() == 46
    with h5py.File(out) as file:
        assert dict(file.attrs) == {"medrecon_pack": "ct"}
        assert all(set(data.attrs) == {"voxel_mm", "subject", "split"} for data in file.values())
    first = out.read_bytes()
    pack_ct_folder(folder, out, CtPackOptions(("val",)))
    assert out.read_bytes() == first


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for who in ("one", "two", "three"):
        nifti(tmp_path / "in" / who / "ct.nii.gz")
    record = pack_ct_folder(tmp_path / "in", tmp_path / "ct.h5", CtPackOptions(("two",)))
    assert len({row.name for row in record.volumes}) == 3
    assert [row.split for row in record.volumes] == ["train", "train", "held-out"]  # one, three, two
    assert {row.subject for row in record.volumes} == {"subject-0001", "subject-0002", "subject-0003"}


def test_what_is_no_ct_is_passed_over_and_told(folder, tmp_path):
    (folder / "broken.nii.gz").write_bytes(b"nothing")
    record = pack_ct_folder(folder, tmp_path / "ct.h5", CtPackOptions(("carol",)))
    assert [where for where, _ in record.refused] == ["broken.nii.gz"]
    assert len(record.volumes) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "does not exist; give a CT pack"),
        (lambda p: p.mkdir(), "is a folder; make a pack of it first"),
        (lambda p: p.write_text("text"), "is no CT pack"),
        (lambda p: h5py.File(p, "w").close(), "is no CT pack; make one with"),
        (lambda p: write_ct_pack(p, [disc(split="held-out")]), "holds no volume of the part 'train'"),
    ],
)
def test_other_files_are_one_line(tmp_path, make, words):
    path = tmp_path / "ct.h5"
    make(path)
    with pytest.raises(InputError, match=re.escape(words)):
        read_ct_pack(path, "train")


def test_the_command_packs_and_says_what(folder, tmp_path, capsys):
    out = tmp_path / "ct.h5"
    assert run(["data", "pack-ct", str(folder), "-o", str(out), "--held-out", "val"]) == 0
    said = capsys.readouterr().out
    assert "3 volumes: 2 train (subjects: 2), 1 held-out" in said
    assert "medrecon train ct-codec --data" in said
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(["data", "pack-ct", str(empty), "-o", str(tmp_path / "no.h5")]) == 2
    assert "holds no CT volume" in capsys.readouterr().err
    assert not (tmp_path / "no.h5").exists()
    assert run(["data", "pack-ct", str(folder), "-o", str(out), "--held-out", "dave"]) == 2
    assert "dave is no subject" in capsys.readouterr().err
