from dataclasses import replace

import h5py
import nibabel
import numpy as np
import pytest
import torch

from medrecon.datasets.pack import read_pack, training_volumes, write_pack
from medrecon.datasets.volume import TrainingVolume, subject_of
from medrecon.errors import InputError


def volume(name="p1_study1_T1"):
    values = torch.rand(5, 20, 24, generator=torch.Generator().manual_seed(0))
    return TrainingVolume(values, (3.0, 1.0, 1.2), subject_of(name), name)


def test_subjects_are_told_from_their_series():
    assert subject_of("brain_p01_study2_FLAIR") == subject_of("brain_p01_study1_T1W") == "brain_p01"
    assert subject_of("sub-07_ses-1_T2w") == "sub-07"
    assert subject_of("volunteer") == "volunteer"


def test_subjects_of_bids_need_no_session():
    assert subject_of("sub-07_T1w") == subject_of("sub-07_acq-mprage_T1w") == subject_of("sub-07") == "sub-07"


def test_pack_round_trip_is_finer_than_noise(tmp_path):
    write_pack(tmp_path / "p.h5", [volume()])
    (again,) = read_pack(tmp_path / "p.h5")
    assert (again.values - volume().values).abs().max() < 3e-3
    assert again.subject == "p1"
    assert again.voxel_mm == (3.0, 1.0, 1.2)


def test_folder_of_nifti_puts_the_coarse_axis_first_and_peak_at_one(tmp_path):
    data = np.random.default_rng(0).gamma(2.0, 100.0, (30, 40, 8)).astype(np.float32)
    image = nibabel.Nifti1Image(data, np.diag([1.0, 1.5, 4.0, 1.0]))
    nibabel.save(image, tmp_path / "s1_T1.nii.gz")
    (found,) = training_volumes(tmp_path)
    assert found.values.shape == (8, 30, 40)
    assert found.voxel_mm == (4.0, 1.0, 1.5)
    assert np.percentile(found.values.numpy(), 99.9) == pytest.approx(1.0, rel=1e-3)


def test_bad_sources_are_named(tmp_path):
    with pytest.raises(InputError, match="no NIfTI"):
        training_volumes(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        training_volumes(tmp_path / "nothing")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(InputError, match="not a pack"):
        training_volumes(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kspace"] = np.zeros((2, 2))
    with pytest.raises(InputError, match="not a pack"):
        training_volumes(tmp_path / "other.h5")


def test_training_takes_its_own_part_of_a_pack(tmp_path):
    parts = [volume("a"), replace(volume("b"), split="held-out")]
    write_pack(tmp_path / "p.h5", parts)
    assert [v.name for v in training_volumes(tmp_path / "p.h5")] == ["a"]
    assert [v.name for v in training_volumes(tmp_path / "p.h5", "held-out")] == ["b"]
    assert [v.split for v in read_pack(tmp_path / "p.h5")] == ["train", "held-out"]
    write_pack(tmp_path / "p.h5", parts[1:])
    with pytest.raises(InputError, match="no volume of the part 'train'"):
        training_volumes(tmp_path / "p.h5")


def test_packs_from_before_there_were_splits_are_for_training(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        data = file.create_dataset("p1_study1_T1", data=np.full((2, 20, 20), 500, np.uint16))
        data.attrs["voxel_mm"], data.attrs["subject"] = (3.0, 1.0, 1.2), "p1"
    (found,) = training_volumes(tmp_path / "old.h5")
    assert found.split == "train"
    assert found.values.mean() == pytest.approx(4 * (500 / 1023) ** 2)
