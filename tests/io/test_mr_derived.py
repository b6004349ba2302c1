"""MR series made of raw data: their place, their values, how they were made, and nobody's name unless asked."""

import subprocess
from dataclasses import replace
from shutil import which

import nibabel as nib
import numpy as np
import pytest
import torch
from pydicom import dcmread
from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage
from raw_scans import PHASE, READ, noise

from medrecon.errors import InputError
from medrecon.io import check_result_writable, save
from medrecon.io.dicom import find_series, read_series
from medrecon.io.upright import upright
from medrecon.reconstruction import Reconstruction

SHA = "0123456789abcdef" * 4
RECORD = {
    "method": "spirit", "net_acceleration": 4.0, "seed": 7, "versions": {"medrecon": "0.1.0"},
    "weights": {"name": "mri-image", "sha256": SHA},
}  # fmt: skip
DIRECTIONS = {
    "oblique": (READ, PHASE),
    "axial": (np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])),
    "axial, turned": (np.array([-1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])),
    "coronal": (np.array([0.0, 0.0, 1.0]), np.array([-1.0, 0.0, 0.0])),
    "sagittal": (np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0])),
}


def placed(read, phase, gap=5.0):
    """An affine of (slice, y, x) with pixels of 1.5 mm along readout and 2 mm along phase."""
    affine = np.eye(4)
    affine[:3] = np.stack([gap * np.cross(phase, read), 1.5 * read, 2.0 * phase, [12.3456789, -20.2, 30.1]], 1)
    return affine


def result(affine=None, **changes):
    image = torch.from_numpy(noise((3, 20, 14))) * 1e-4
    facts = {
        "voxel_mm": (1.5, 2.0), "slice_mm": 5.0, "provenance": RECORD, "affine": affine,
        "header": {"tr_ms": 500.0, "te_ms": 11.0, "field_strength_t": 3.0, "vendor": "ACME", "patient_position": "HFS"},
    }  # fmt: skip
    return Reconstruction(image=image, zero_filled=image.abs(), **(facts | changes))


def parts_of(folder):
    return [dcmread(file) for file in sorted(folder.iterdir())]


def patient_points(part):
    """Value and mm (left, back, head) of each pixel of a DICOM image, by the standard's own equation (C.7.6.2.1)."""
    x, y = np.array(part.ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = map(float, part.PixelSpacing)
    rows, columns = np.mgrid[: part.Rows, : part.Columns]
    origin = np.array(part.ImagePositionPatient, float)
    mm = origin + between_columns * columns[..., None] * x + between_rows * rows[..., None] * y
    return part.pixel_array * float(part.RescaleSlope), mm


@pytest.mark.parametrize("view", DIRECTIONS)
def test_nifti_and_dicom_put_each_value_at_the_same_place(tmp_path, view):
    made = result(placed(*DIRECTIONS[view]))
    save(made, tmp_path / "out.nii.gz")
    save(made, tmp_path / "out")
    image = nib.load(tmp_path / "out.nii.gz")
    volume = image.get_fdata()
    for affine in (image.get_sform(), image.get_qform()):
        to_index = np.linalg.inv(affine @ np.eye(4))
        for part in parts_of(tmp_path / "out"):
            values, mm = patient_points(part)
            index = mm * [-1, -1, 1] @ to_index[:3, :3].T + to_index[:3, 3]
            nearest = np.rint(index).astype(int)
            assert np.abs((index - nearest) * image.header.get_zooms()).max() < 0.01
            np.testing.assert_allclose(
                values, volume[tuple(np.moveaxis(nearest, -1, 0))], atol=float(part.RescaleSlope)
            )
    corner = (image.affine @ [0, 0, 0, 1])[:3] * [-1, -1, 1]
    assert corner == pytest.approx(made.affine[:3, 3], abs=1e-4)


@pytest.mark.parametrize("view", DIRECTIONS)
def test_images_stand_upright_and_slices_ascend(tmp_path, view):
    made = result(placed(*DIRECTIONS[view]))
    save(made, tmp_path / "out")
    parts = parts_of(tmp_path / "out")
    x, y = np.array(parts[0].ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(x, y)
    wanted = {0: ([0, 1, 0], [0, 0, -1]), 1: ([1, 0, 0], [0, 0, -1]), 2: ([1, 0, 0], [0, 1, 0])}
    for vector, towards in zip((x, y), wanted[int(np.argmax(np.abs(normal)))], strict=True):
        assert vector @ towards > 0.5
    heights = [np.array(part.ImagePositionPatient, float) @ normal for part in parts]
    assert np.diff(heights) == pytest.approx([5, 5], abs=1e-6)
    assert [part.InstanceNumber for part in parts] == [1, 2, 3]
    (series,), refused = find_series(sorted((tmp_path / "out").iterdir()))
    assert not refused
    values, affine = upright(made.magnitude.numpy(), made.affine)
    again = read_series(series)
    np.testing.assert_allclose(again.values, values, atol=1e-8)
    assert again.affine == pytest.approx(affine, abs=1e-6)


def test_oblong_voxels_decide_nothing(tmp_path):
    """Turned by 20 degrees, columns still run to the left, though rows are four times as long."""
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    affine = np.eye(4)
    affine[:3, :3] = np.stack([[0, 0, 5.0], [-2 * sin, 2 * cos, 0], [0.5 * cos, 0.5 * sin, 0]], 1)
    values = np.zeros((1, 4, 6), np.float32)
    same, unmoved = upright(values, affine)
    assert same.shape == values.shape
    np.testing.assert_array_equal(unmoved, affine)


def test_thickness_and_distance_of_slices(tmp_path):
    made = result(placed(READ, PHASE))
    save(replace(made, header={**made.header, "slice_thickness_mm": 4.0}), tmp_path / "out")
    save(made, tmp_path / "unknown")
    part, unknown = parts_of(tmp_path / "out")[0], parts_of(tmp_path / "unknown")[0]
    assert (part.SliceThickness, part.SpacingBetweenSlices) == (4, 5)
    assert (unknown.SliceThickness, unknown.SpacingBetweenSlices) == (None, 5)


def test_values_are_whole_numbers_of_one_slope(tmp_path):
    made = result(placed(READ, PHASE))
    save(made, tmp_path / "out")
    parts = parts_of(tmp_path / "out")
    assert len({(str(part.RescaleSlope), str(part.RescaleIntercept)) for part in parts}) == 1
    assert max(part.pixel_array.max() for part in parts) == 32767
    slope = float(parts[0].RescaleSlope)
    got = np.stack([patient_points(part)[0] for part in parts])
    expected, _ = upright(made.magnitude.numpy(), made.affine)
    assert np.abs(got - expected).max() <= 0.500001 * slope


def test_an_image_of_zeros(tmp_path):
    save(replace(result(), image=torch.zeros(1, 4, 5, dtype=torch.complex64)), tmp_path / "out")
    assert not parts_of(tmp_path / "out")[0].pixel_array.any()


def test_it_says_what_it_is_and_how_it_was_made(tmp_path):
    save(result(placed(READ, PHASE)), tmp_path / "out")
    save(result(placed(READ, PHASE)), tmp_path / "again")
    parts, again = parts_of(tmp_path / "out"), parts_of(tmp_path / "again")
    assert len({part.SOPInstanceUID for part in parts + again}) == 6
    assert parts[0].SeriesInstanceUID != again[0].SeriesInstanceUID
    for part in parts:
        assert part.SOPClassUID == part.file_meta.MediaStorageSOPClassUID == MRImageStorage
        assert (part.Modality, list(part.ImageType[:2])) == ("MR", ["DERIVED", "SECONDARY"])
        for word in ("spirit", "0.1.0", SHA, "net acceleration 4.00", "seed 7", "research use only"):
            assert word in part.DerivationDescription
        assert part.DerivationCodeSequence[1].CodeMeaning == SHA
        assert part.ContributingEquipmentSequence[0].ContributionDescription == "reconstructed from raw data by spirit"
        assert (part.RepetitionTime, part.EchoTime, part.MagneticFieldStrength) == (500, 11, 3)
        assert (part.Manufacturer, part.PatientPosition, part.MRAcquisitionType) == ("ACME", "HFS", "2D")
        assert sorted(part.PixelSpacing) == pytest.approx([1.5, 2])


def test_without_a_place_no_orientation_is_claimed(tmp_path):
    save(result(), tmp_path / "out")
    for part in parts_of(tmp_path / "out"):
        assert part.SOPClassUID == SecondaryCaptureImageStorage
        assert "ImageOrientationPatient" not in part
        assert "ImagePositionPatient" not in part
        assert list(part.PixelSpacing) == [1.5, 2]
        assert "orientation unknown" in part.DerivationDescription


@pytest.mark.skipif(which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
@pytest.mark.parametrize("place", [None, placed(READ, PHASE)], ids=["unknown", "known"])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("scale", [1, 1e6])
def test_dciodvfy_finds_no_error(tmp_path, place, keep, scale):
    made = result(place)
    made.image.mul_(scale)
    header = {**made.header, "patient_name": "Roe^Jane", "study_date": "2024-02-29", "study_time": "12:34:56"}
    save(replace(made, header=header), tmp_path / "out", keep_identity=keep)
    for file in (tmp_path / "out").iterdir():
        done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True)
        assert "Error" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_what_cannot_be_written(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    (tmp_path / "file").touch()
    for path, says in [
        (tmp_path / "full", "not empty"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "none" / "out", "does not exist"),
        (tmp_path / "out.jpg", "ending"),
    ]:
        with pytest.raises(InputError, match=says):
            save(result(), path)
    with pytest.raises(InputError, match="only a DICOM series"):
        check_result_writable(tmp_path / "out.nii.gz", keep_identity=True)
    broken = result()
    broken.image[0, 0, 0] = torch.nan
    with pytest.raises(InputError, match="NaN"):
        save(broken, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "full"]


def test_identity_that_dicom_cannot_hold_is_left_out(tmp_path):
    odd = {"patient_birthdate": "1970", "study_time": "noon", "study_uid": "none", "patient_name": "Rœwald^Zoë"}
    made = result()
    save(replace(made, header={**made.header, **odd}), tmp_path / "out", keep_identity=True)
    part = parts_of(tmp_path / "out")[0]
    assert (part.PatientBirthDate, part.StudyTime, str(part.PatientName)) == ("", "", "Rœwald^Zoë")
    assert part.StudyInstanceUID.is_valid
