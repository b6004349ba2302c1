"""What goes into a training pack, and what must never stand in it."""

import h5py
import nibabel
import numpy as np
import pytest
from dicom_files import IDENTITY, grey_head, write_series
from phantom import head

from medrecon.datasets import packing
from medrecon.datasets.pack import read_pack, training_volumes
from medrecon.datasets.packing import PackOptions, kept_slices, pack_folder
from medrecon.errors import InputError
from medrecon.io.fastmri_write import write_fastmri
from medrecon.masks import pattern
from medrecon.simulate.scan import simulate_scan


def nifti(path, values=None, voxel=(1.0, 1.5, 4.0)):
    """Save `(slice, y, x)` values with the slices along the last axis."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = grey_head() if values is None else values
    nibabel.save(nibabel.Nifti1Image(np.asarray(values, np.float32).transpose(1, 2, 0), np.diag([*voxel, 1.0])), path)
    return path


def pack(folder, **options):
    out = folder.parent / "pack.h5"
    return pack_folder(folder, out, PackOptions(**options)), out


def test_nothing_of_a_patient_reaches_the_pack(tmp_path):
    folder = tmp_path / "HOSPITAL_Roe"
    write_series(folder / "MRN4711" / "t1", grey_head(seed=1))
    write_series(folder / "MRN4711" / "t2", grey_head(seed=2))
    write_series(folder / "MRN4712" / "t1", grey_head(seed=3), PatientID="MRN4712")
    record, out = pack(folder, held_out=0.5)
    assert [v.name for v in record.volumes] == ["dicom-0001", "dicom-0002", "dicom-0003"]
    assert [v.subject for v in record.volumes] == ["subject-0001", "subject-0001", "subject-0002"]
    content = out.read_bytes()
    forbidden = [*IDENTITY.values(), "MRN471", "HOSPITAL", "IM0000", str(tmp_path)]
    assert not [word for word in forbidden if word.encode() in content]
    with h5py.File(out) as file:
        stored = {name for data in file.values() for name in data.attrs}
    assert stored == {"voxel_mm", "subject", "split", "stored_matrix", "slices_before"}


def test_dicom_volume_comes_back_upright_and_scaled(tmp_path):
    values = grey_head()
    write_series(tmp_path / "in" / "s", values, order=[5, 2, 0, 1, 4, 3])
    _, out = pack(tmp_path / "in")
    (volume,) = read_pack(out)
    peak = np.percentile(values, 99.9)
    assert np.abs(volume.values.numpy() - values / peak).max() < 5e-3
    assert volume.voxel_mm == pytest.approx((4.0, 1.0, 1.5))


def test_zero_filled_columns_are_cropped_away_and_recorded(tmp_path):
    k = np.fft.fftshift(np.fft.fft2(head(6, 128, 128) + 0.005 * np.random.default_rng(0).random((6, 128, 128))))
    k[..., :20] = k[..., -20:] = 0
    nifti(tmp_path / "in" / "a.nii.gz", np.abs(np.fft.ifft2(np.fft.ifftshift(k))) * 100)
    record, out = pack(tmp_path / "in")
    (row,) = record.volumes
    assert row.stored == (128, 128)
    assert row.acquired[0] == 128
    assert abs(row.acquired[1] - 88) <= 4
    (volume,) = read_pack(out)
    assert volume.values.shape == (6, *row.acquired)
    assert volume.voxel_mm[2] == pytest.approx(1.5 * 128 / row.acquired[1])


def test_no_subject_stands_in_both_parts(tmp_path):
    for person in range(8):
        for series in ("study1_T1", "study1_T2", "study2_T1"):
            nifti(tmp_path / "in" / f"p{person}_{series}.nii.gz", grey_head(3, seed=person))
    record, out = pack(tmp_path / "in", held_out=0.25, seed=5)
    parts = {split: {v.subject for v in record.volumes if v.split == split} for split in ("train", "held-out")}
    assert (len(parts["train"]), len(parts["held-out"])) == (6, 2)
    assert not parts["train"] & parts["held-out"]
    assert {v.subject for v in training_volumes(out)} == parts["train"]
    assert {v.subject for v in training_volumes(out, "held-out")} == parts["held-out"]
    assert len(read_pack(out)) == 24


def test_same_folder_and_seed_give_the_same_bytes(tmp_path):
    for person in range(3):
        write_series(tmp_path / "in" / str(person), grey_head(3, seed=person), PatientID=f"P{person}")
    _, out = pack(tmp_path / "in", held_out=0.3, seed=2)
    first = out.read_bytes()
    pack(tmp_path / "in", held_out=0.3, seed=2)
    assert out.read_bytes() == first


def test_names_that_repeat_are_told_apart_by_folder(tmp_path):
    # person1 has a series that the others lack: by name alone it would be a person of its own
    for path in (
        "site/person1/T1.nii.gz",
        "site/person1/day2/FLAIR.nii.gz",
        "site/person2/T1.nii.gz",
        "site/person3/T1.nii.gz",
    ):
        nifti(tmp_path / "in" / path)
    record, out = pack(tmp_path / "in", held_out=("person1",))
    assert {v.name for v in record.volumes if v.split == "held-out"} == {"T1", "FLAIR"}
    assert {v.name for v in record.volumes if v.split == "train"} == {"T1-2", "T1-3"}
    assert len({v.subject for v in record.volumes}) == 3
    assert b"person1" not in out.read_bytes()


def test_series_without_patient_id_count_as_one_subject(tmp_path):
    for i, name in enumerate(("a", "b", "c")):
        write_series(tmp_path / "in" / name, grey_head(3, seed=i), PatientID=None if i < 2 else "P")
    record, _ = pack(tmp_path / "in")
    assert [v.subject for v in record.volumes] == ["subject-0001", "subject-0001", "subject-0002"]


def simulated(truth=True):
    scan = simulate_scan(head(2, 48, 40), (3.0, 3.0), slice_mm=5.0, coils=4, snr=60.0, seed=1, name="file1")
    return scan if truth else packing.replace(scan, truth=None)


@pytest.mark.parametrize("combination", ["espirit", "rss"])
def test_full_kspace_is_combined_and_undersampled_refused(combination, tmp_path):
    (tmp_path / "in").mkdir()
    scan = simulated(truth=False)
    write_fastmri(tmp_path / "in" / "file1000001.h5", scan)
    write_fastmri(tmp_path / "in" / "file1000002.h5", scan.undersample(pattern("random", 2.0, 12)))
    record, out = pack(tmp_path / "in", combination=combination)
    (volume,) = read_pack(out)
    image, truth = volume.values.numpy(), np.asarray(head(2, 48, 40))
    shape = truth if image.shape == truth.shape else truth.transpose(0, 2, 1)
    error = image - shape * np.percentile(image, 95) / np.percentile(shape, 95)
    assert np.sqrt((error**2).mean()) < 0.06
    assert volume.voxel_mm == pytest.approx((5.0, 3.0, 3.0))
    ((where, why),) = record.refused
    assert where == "file1000002.h5"
    assert "undersampled (net 2" in why


def test_kspace_files_of_one_patient_are_one_subject(tmp_path):
    (tmp_path / "in").mkdir()
    for number, patient in ((1, "abc123"), (2, "xyz789"), (3, "abc123")):
        path = write_fastmri(tmp_path / "in" / f"file_brain_{number}.h5", simulated())
        with h5py.File(path, "a") as file:
            file.attrs["patient_id"] = patient
    record, out = pack(tmp_path / "in")
    assert [v.subject for v in record.volumes] == ["subject-0001", "subject-0002", "subject-0001"]
    assert b"abc123" not in out.read_bytes()


def test_empty_slices_are_dropped_and_counted(tmp_path):
    values = grey_head(6).astype(float)
    values[0] = values[3] = 0
    nifti(tmp_path / "in" / "a.nii.gz", values)
    record, out = pack(tmp_path / "in")
    assert (record.volumes[0].slices, record.volumes[0].slices_before) == (4, 6)
    assert len(read_pack(out)[0].values) == 4


def test_a_volume_that_is_cut_across_loses_no_slice_inside():
    values = np.ones((6, 8, 8))
    values[[0, 1, 3]] = 0
    assert kept_slices(values, isotropic=False).tolist() == [False, False, True, False, True, True]
    assert kept_slices(values, isotropic=True).tolist() == [False, False, True, True, True, True]


def test_what_cannot_be_packed_is_named_and_passed_over(tmp_path):
    folder = tmp_path / "in"
    nifti(folder / "good.nii.gz")
    (nifti(folder / "cut.nii.gz")).write_bytes((folder / "good.nii.gz").read_bytes()[:900])
    nifti(folder / "labels.nii.gz", np.round(3 * head(6, 48, 40)))
    nifti(folder / "signed.nii.gz", grey_head() - 500.0)
    nifti(folder / "empty.nii.gz", np.zeros((6, 48, 40)))
    (folder / "text.h5").write_text("hello")
    (folder / "notes.txt").write_text("hello")
    write_series(folder / "ct", grey_head(), Modality="CT")
    write_series(folder / "gap", grey_head(3), ImagePositionPatient=[[0, 0, 0], [0, 0, 4], [0, 0, 12]])
    record, _ = pack(folder)
    assert [v.name for v in record.volumes] == ["good"]
    told = dict(record.refused)
    words = {
        "cut.nii.gz": "cannot be read",
        "ct/IM0000": "modality CT",
        "empty.nii.gz": "from 0 to 0",
        "gap/IM0000": "missing",
        "labels.nii.gz": "labels",
        "signed.nii.gz": "from -",
        "text.h5": "neither HDF5",
    }
    assert told.keys() == words.keys()
    for where, why in words.items():
        assert why in told[where]
        assert "\n" not in told[where]
        assert str(tmp_path) not in told[where]
    assert record.others == 1


def test_nothing_readable_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no NIfTI file, DICOM series"):
        pack(tmp_path / "in")
    nifti(tmp_path / "in" / "empty.nii.gz", np.zeros((6, 48, 40)))
    with pytest.raises(InputError, match=r"none of 1 file.*empty\.nii\.gz"):
        pack(tmp_path / "in")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_wrong_name_is_told_before_any_volume_is_read(tmp_path, monkeypatch):
    nifti(tmp_path / "in" / "a.nii.gz")
    monkeypatch.setattr(packing, "whole_file", lambda path: pytest.fail("reading has begun"))
    with pytest.raises(InputError, match="nobody is no subject"):
        pack(tmp_path / "in", held_out=("nobody",))


def test_held_out_files_that_cannot_be_read_are_not_passed_over_in_silence(tmp_path):
    for name in ("a", "b"):
        nifti(tmp_path / "in" / f"{name}.nii.gz", np.zeros((6, 48, 40)) if name == "b" else None)
    with pytest.raises(InputError, match="nobody is left held out"):
        pack(tmp_path / "in", held_out=("b",))


def test_one_volume_is_held_at_a_time(tmp_path, monkeypatch):
    import gc
    import weakref

    for i in range(3):
        nifti(tmp_path / "in" / f"p{i}.nii.gz")
    alive, prepared = [], packing._prepared

    def counting(found):
        gc.collect()
        assert not [reference for reference in alive if reference() is not None]
        alive.append(weakref.ref(found))
        return prepared(found)

    monkeypatch.setattr(packing, "_prepared", counting)
    pack(tmp_path / "in")
    assert len(alive) == 3


def test_the_pack_may_lie_in_the_folder_that_it_is_made_of(tmp_path):
    nifti(tmp_path / "a.nii.gz")
    for _ in range(2):
        record = pack_folder(tmp_path, tmp_path / "pack.h5", PackOptions())
        assert [v.name for v in record.volumes] == ["a"]
        assert record.refused == ()
