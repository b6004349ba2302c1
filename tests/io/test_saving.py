"""Results out and back in; nothing half-written."""

import json
import resource

import h5py
import nibabel as nib
import numpy as np
import pytest
import torch
from kspace_files import noise

from medrecon.errors import InputError, system_words
from medrecon.io import check_writable, load_images, save, write_json
from medrecon.reconstruction import Reconstruction

RECORD = {"method": "spirit", "net_acceleration": 4.0, "scores": None, "residual": None}


def result(values=None, **changes):
    image = torch.from_numpy(noise((3, 20, 14)) if values is None else values)
    facts = {
        "zero_filled": image.abs() * 0.9,
        "std": image.abs() * 0.1,
        "spread": "posterior",
        "reference": image.abs() * 1.1,
        "reference_kind": "simulated",
        "voxel_mm": (1.5, 0.75),
        "slice_mm": 4.0,
        "provenance": RECORD,
    }
    return Reconstruction(image=image, **(facts | changes))


def test_h5_holds_everything(tmp_path):
    made = result()
    save(made, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["reconstruction"].dtype == np.float32
        np.testing.assert_array_equal(file["reconstruction"], made.magnitude)
        np.testing.assert_array_equal(file["reconstruction_complex"], made.image)
        np.testing.assert_array_equal(file["reference"], made.reference)
        np.testing.assert_array_equal(file["std"], made.std)
        np.testing.assert_array_equal(file["zero_filled"], made.zero_filled)
        assert json.loads(file.attrs["provenance"]) == RECORD
        assert tuple(file.attrs["voxel_mm"]) == (1.5, 0.75)
        assert file["std"].attrs["meaning"] == "posterior"


def test_h5_leaves_out_what_is_unknown(tmp_path):
    save(result(std=None, reference=None, voxel_mm=None, slice_mm=None), tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert set(file) == {"reconstruction", "reconstruction_complex", "zero_filled"}
        assert set(file.attrs) == {"axes", "provenance"}


@pytest.mark.parametrize("name", ["out.h5", "out.nii.gz", "out.nii", "out.npy", "OUT.NPY", "OUT.NII.GZ"])
def test_two_round_trips(tmp_path, name):
    made = result()
    save(made, tmp_path / name)
    once = load_images(tmp_path / name)
    save(_with_image(made, once), tmp_path / name)
    twice = load_images(tmp_path / name)
    assert torch.equal(once, made.magnitude)
    assert torch.equal(twice, once)


def _with_image(made, magnitude):
    return Reconstruction(image=magnitude.to(torch.complex64), zero_filled=made.zero_filled, provenance=RECORD)


def test_nifti_geometry_and_record(tmp_path):
    save(result(), tmp_path / "out.nii.gz")
    image = nib.load(tmp_path / "out.nii.gz")
    assert image.shape == (14, 20, 3)
    assert image.header.get_zooms() == (0.75, 1.5, 4.0)
    np.testing.assert_allclose(np.abs(np.linalg.det(image.affine)), 0.75 * 1.5 * 4)
    assert json.loads(image.header.extensions[0].get_content()) == RECORD


@pytest.mark.parametrize("name", ["out.h5", "out.nii.gz", "out.npy", "out.png"])
def test_a_failing_write_leaves_nothing_and_spares_the_old_file(tmp_path, name, monkeypatch):
    (tmp_path / name).write_text("older")
    monkeypatch.setattr(Reconstruction, "magnitude", property(lambda self: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        save(result(), tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "older"


def test_a_write_that_dies_half_way_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        save(result(provenance={"method": object()}), tmp_path / "out.h5")
    with pytest.raises(ValueError, match="JSON"):
        write_json({"psnr": float("nan")}, tmp_path / "out.json")
    assert not list(tmp_path.iterdir())


def test_outputs_are_checked_before_any_work(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    for path, says in [
        (tmp_path / "none" / "out.h5", "does not exist"),
        (tmp_path / "out.jpg", "ending"),
        (tmp_path / ".h5", "ending"),
        (tmp_path / "folder.h5", "is a folder"),
    ]:
        for attempt in (lambda p=path: check_writable(p), lambda p=path: save(result(), p)):
            with pytest.raises(InputError, match=says) as caught:
                attempt()
            assert "\n" not in str(caught.value)
    assert check_writable(str(tmp_path / "out.nii.gz")) == tmp_path / "out.nii.gz"
    with pytest.raises(InputError, match="ending"):
        check_writable(tmp_path / "out.npy", (".json",))


def test_json_round_trip(tmp_path):
    write_json(RECORD, tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text()) == RECORD


def test_images_of_other_files(plain_file, tmp_path):
    fastmri = plain_file(kspace=noise((2, 3, 8, 8)), reconstruction_rss=np.ones((2, 8, 8), np.float32))
    assert load_images(fastmri).shape == (2, 8, 8)
    np.save(tmp_path / "one.npy", noise((5, 6)))
    np.testing.assert_allclose(load_images(tmp_path / "one.npy")[0], np.abs(noise((5, 6))), rtol=1e-6)


def test_bad_images(plain_file, tmp_path):
    (tmp_path / "text.nii").write_text("no image")
    np.save(tmp_path / "four.npy", np.ones((1, 1, 5, 5)))
    np.save(tmp_path / "nan.npy", np.full((5, 5), np.nan))
    for path in [
        plain_file(kspace=noise((2, 3, 8, 8))),
        tmp_path / "text.nii",
        tmp_path / "four.npy",
        tmp_path / "nan.npy",
        tmp_path / "missing.npy",
        tmp_path,
    ]:
        with pytest.raises(InputError) as caught:
            load_images(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["out.h5", "out.npy", "series"])
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, name):
    """A limit on the size of files in place of the disk; HDF5 itself would not get over it."""
    made = result(noise((3, 200, 140)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - each library has its own words
            save(made, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in system_words(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_hdf5_says_of_a_disk_is_cut_to_one_line_without_path_and_time():
    said = "Can't write (file write failed: time = Thu Nov 26\n, filename = '/home/roe/x.h5', errno = 28)"
    assert system_words(OSError(28, said)) == "Can't write"
    assert system_words(OSError(28, "No space left on device")) == "No space left on device"
    assert system_words(OSError()) == "OSError"
