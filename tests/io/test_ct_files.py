"""CT volumes in NIfTI, .npy and pictures: in, out and in again."""

import nibabel as nib
import numpy as np
import pytest
import torch
from ct_files import chest, write_ct

from medrecon.errors import InputError
from medrecon.io import Derivation, check_volume_writable, load_volume, save_volume

MADE = Derivation("cold-latent", "0.1.0", "ab" * 32)
OBLIQUE = np.array([[-0.7, 0.05, 0.1, 40], [0.06, -0.7, 0.3, 50], [0.02, 0.08, 2.4, -200], [0, 0, 0, 1.0]])


def write_nifti(path, array, affine=OBLIQUE):
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def read_nifti(path):
    image = nib.load(path)
    return np.asarray(image.dataobj), image.affine


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SPL", "PIR", "ALI"])
def test_nifti_comes_back_as_it_was_stored(tmp_path, axes):
    """Whatever the axes of the file: slices are axial inside, and the result lies over the source voxel by voxel."""
    image = nib.Nifti1Image(chest().transpose(2, 1, 0), OBLIQUE)
    turned = image.as_reoriented(
        nib.orientations.ornt_transform(nib.io_orientation(OBLIQUE), nib.orientations.axcodes2ornt(axes))
    )
    nib.save(turned, tmp_path / "in.nii.gz")
    volume = load_volume(tmp_path / "in.nii.gz")
    assert np.array_equal(volume.values, chest())
    assert volume.affine == pytest.approx(np.diag([-1, -1, 1, 1]) @ OBLIQUE @ np.eye(4)[[2, 1, 0, 3]], abs=1e-5)
    save_volume(volume.values, volume, tmp_path / "out.nii.gz", derivation=MADE)
    (before, where), (after, there) = read_nifti(tmp_path / "in.nii.gz"), read_nifti(tmp_path / "out.nii.gz")
    assert np.array_equal(before, after)
    assert after.dtype == np.int16
    assert there == pytest.approx(where, abs=1e-5)


def test_values_between_whole_hu_are_kept(tmp_path):
    volume = load_volume(write_nifti(tmp_path / "in.nii", chest().T))
    values = volume.values + 0.25
    for name in ("out.nii", "out.nii.gz", "out.npy"):
        save_volume(values, volume, tmp_path / name, derivation=MADE)
        assert torch.equal(load_volume(tmp_path / name).values, values)


@pytest.mark.parametrize("name", ["out.nii.gz", "out.npy"])
def test_fill_of_a_file_is_padding_and_comes_back(tmp_path, name):
    hu = chest()
    hu[:, :4] = -1500
    volume = load_volume(write_nifti(tmp_path / "in.nii", hu.T))
    assert np.array_equal(volume.padding, hu == -1500)
    assert volume.values.min() >= -1024
    save_volume(volume.values, volume, tmp_path / name, derivation=MADE)
    again = load_volume(tmp_path / name)
    assert torch.equal(again.values, volume.values)
    assert torch.equal(again.padding, volume.padding)
    if name == "out.nii.gz":
        assert np.array_equal(read_nifti(tmp_path / name)[0], hu.T)


def test_a_lone_value_below_the_scale_is_noise(tmp_path):
    hu = chest()
    hu[0, 0, :3] = -1100
    assert load_volume(write_nifti(tmp_path / "in.nii", hu.T)).padding is None


def test_a_series_in_nifti_lies_where_the_patient_lay(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest()))
    save_volume(volume.values, volume, tmp_path / "out.nii.gz", derivation=MADE)
    array, affine = read_nifti(tmp_path / "out.nii.gz")
    assert np.array_equal(array, chest().T)
    assert affine == pytest.approx(np.array([[-0.8, 0, 0, 90], [0, -0.7, 0, 80], [0, 0, 2.5, 10], [0, 0, 0, 1]]))
    assert nib.load(tmp_path / "out.nii.gz").header.get_xyzt_units()[0] == "mm"
    assert load_volume(tmp_path / "out.nii.gz").affine == pytest.approx(volume.affine)


def test_a_sheared_stack_has_no_quaternion(tmp_path):
    tilted = [[-90.0, -80.0 + 0.5 * i, 10 + 2.5 * i] for i in range(5)]
    volume = load_volume(write_ct(tmp_path / "in", chest(), ImagePositionPatient=tilted))
    save_volume(volume.values, volume, tmp_path / "out.nii", derivation=MADE)
    image = nib.load(tmp_path / "out.nii")
    assert int(image.header["qform_code"]) == 0
    assert load_volume(tmp_path / "out.nii").affine == pytest.approx(volume.affine, abs=1e-5)


@pytest.mark.parametrize("window", ["soft-tissue", "lung"])
def test_pictures_have_their_window(tmp_path, window):
    from skimage.io import imread

    ramp = np.tile(np.linspace(-1024, 1024, 64), (1, 16, 1))
    np.save(tmp_path / "in.npy", ramp)
    volume = load_volume(tmp_path / "in.npy")
    save_volume(volume.values, volume, tmp_path / "out.png", derivation=MADE, window=window)
    centre, width = {"soft-tissue": (50, 400), "lung": (-600, 1500)}[window]
    grey = np.clip((ramp[0] - centre) / width + 0.5, 0, 1) * 255
    assert np.abs(imread(tmp_path / "out.png").astype(float) - grey).max() <= 0.51


def test_three_slices_stand_side_by_side(tmp_path):
    from skimage.io import imread

    volume = load_volume(write_ct(tmp_path / "in", chest(9)))
    save_volume(volume.values, volume, tmp_path / "out.png", derivation=MADE)
    assert imread(tmp_path / "out.png").shape == (24, 60)


NAN = np.where(np.arange(480).reshape(24, 20) == 7, np.nan, 0.0).astype(np.float32)[..., None]
BAD = {
    "NaN": (NAN, "1 of its values are NaN"),
    "4-D": (np.zeros((4, 5, 3, 2), np.int16), "expected one 3-D volume"),
    "complex": (np.zeros((4, 5, 3), np.complex64), "expected numbers in HU"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line_for_nifti_that_is_no_ct_volume(tmp_path, case):
    array, words = BAD[case]
    with pytest.raises(InputError, match=words) as refusal:
        load_volume(write_nifti(tmp_path / "in.nii", array))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["in.nii", "in.nii.gz", "in.npy"])
def test_one_line_for_files_that_are_cut_off(tmp_path, name):
    path = tmp_path / name
    if name == "in.npy":
        np.save(path, chest())
    else:
        write_nifti(path, chest().T)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(InputError, match=r"cannot be read|broken") as refusal:
        load_volume(path)
    assert "\n" not in str(refusal.value)


def test_one_line_for_arrays_that_are_no_volume(tmp_path):
    np.save(tmp_path / "k.npy", np.zeros((2, 4, 8, 8), np.complex64))
    with pytest.raises(InputError, match="expected real HU"):
        load_volume(tmp_path / "k.npy")
    np.save(tmp_path / "n.npy", np.full((2, 8, 8), np.inf))
    with pytest.raises(InputError, match="128 of its values are NaN or infinite"):
        load_volume(tmp_path / "n.npy")


def test_a_trailing_axis_of_one_and_a_single_slice_are_volumes(tmp_path):
    assert load_volume(write_nifti(tmp_path / "a.nii", chest().T[..., None])).values.shape == (5, 24, 20)
    assert load_volume(write_nifti(tmp_path / "b.nii", chest()[0].T)).values.shape == (1, 24, 20)


def test_what_cannot_be_written_is_said_before_any_work(tmp_path):
    volume = load_volume(write_nifti(tmp_path / "in.nii", chest().T))
    (tmp_path / "file").write_text("")
    for path, keep, words in [
        ("out.jpg", False, "ending"),
        ("nowhere/out.nii", False, "does not exist"),
        ("series", False, "the input is none"),
        ("out.nii", True, "only a DICOM series can keep identity"),
    ]:
        with pytest.raises(InputError, match=words):
            check_volume_writable(tmp_path / path, volume, keep_identity=keep)
    with pytest.raises(InputError, match="expected finite HU of the source's shape"):
        save_volume(volume.values[:2], volume, tmp_path / "out.nii", derivation=MADE)
    with pytest.raises(InputError, match="is no window"):
        save_volume(volume.values, volume, tmp_path / "out.png", derivation=MADE, window="bones")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "in.nii"]
