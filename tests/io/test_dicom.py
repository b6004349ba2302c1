import numpy as np
import pytest
from dicom_files import IDENTITY, grey_head, write_series

from medrecon.errors import InputError
from medrecon.io.dicom import find_series, is_dicom, read_series


def only_series(folder):
    series, refused = find_series(sorted(p for p in folder.iterdir() if is_dicom(p)))
    assert refused == []
    return series[0]


def test_slices_are_ordered_by_position_whatever_their_files_are_called(tmp_path):
    values = grey_head()
    write_series(tmp_path, values, order=[3, 0, 5, 1, 4, 2])
    volume = read_series(only_series(tmp_path))
    assert np.array_equal(volume.values, values)
    assert volume.voxel_mm == pytest.approx((4.0, 1.0, 1.5))


def test_affine_leads_to_the_patient(tmp_path):
    # a coronal stack: y runs to the feet, x to the left, so that slices run to the back
    write_series(tmp_path, grey_head(), orientation=(1, 0, 0, 0, 0, -1))
    volume = read_series(only_series(tmp_path))
    z, y, x = volume.affine[:3, :3].T
    assert x == pytest.approx([1.5, 0, 0])
    assert y == pytest.approx([0, 0, -1.0])
    assert z == pytest.approx([0, 4.0, 0])
    assert volume.affine[:3, 3] == pytest.approx([-90, -80, 10])


def test_each_slice_has_its_own_rescaling(tmp_path):
    values = grey_head(3)
    write_series(tmp_path, values, RescaleSlope=[1.0, 2.0, 0.5], RescaleIntercept=3.0)
    found = read_series(only_series(tmp_path)).values
    assert np.allclose(found, values * np.array([1.0, 2.0, 0.5])[:, None, None] + 3)


def test_series_are_told_apart_and_copies_count_once(tmp_path):
    write_series(tmp_path / "a", grey_head(3), PatientID=" P1 ")
    write_series(tmp_path / "b", grey_head(4), PatientID="P2")
    for path in list((tmp_path / "a").iterdir()):
        (tmp_path / "a" / f"copy_{path.name}").write_bytes(path.read_bytes())
    series, _ = find_series(sorted(p for p in tmp_path.rglob("*") if p.is_file()))
    assert [s.patient for s in series] == ["P1", "P2"]
    assert [len(read_series(s).values) for s in series] == [3, 4]


def test_what_is_read_shows_no_identity(tmp_path):
    write_series(tmp_path, grey_head())
    series = only_series(tmp_path)
    shown = repr(series) + repr(vars(read_series(series)))
    assert not [word for word in IDENTITY.values() if word in shown]


def positions(*heights):
    return [[0.0, 0.0, float(h)] for h in heights]


BAD = {
    "gap": ({"ImagePositionPatient": positions(0, 4, 8, 16)}, "missing"),
    "echoes": ({"ImagePositionPatient": positions(0, 0, 4, 4)}, "one position"),
    "planes": ({"ImageOrientationPatient": [[1, 0, 0, 0, 1, 0]] * 3 + [[0, 1, 0, 0, 0, -1]]}, "planes"),
    "sheared": ({"ImagePositionPatient": [[0.0, 0.3 * i, 4.0 * i] for i in range(4)]}, "sheared"),
    "pixel sizes": ({"PixelSpacing": [[1, 1], [1, 1], [1, 1], [2, 2]]}, "pixel sizes"),
    "phase": ({"ImageType": [["ORIGINAL", "PRIMARY", "P"]] * 4}, "phase images"),
    "colour": ({"PhotometricInterpretation": "RGB"}, "MONOCHROME2"),
    "burned in": ({"BurnedInAnnotation": "YES"}, "burned"),
    "multi-frame": ({"NumberOfFrames": 4}, "multi-frame"),
    "no position": ({"ImagePositionPatient": None}, "ImagePositionPatient"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_series_that_is_no_volume_is_refused(case, tmp_path):
    tags, words = BAD[case]
    write_series(tmp_path, grey_head(4), **tags)
    with pytest.raises(InputError, match=words) as refusal:
        read_series(only_series(tmp_path))
    assert "\n" not in str(refusal.value)


def test_truncated_pixels_and_headers_are_refused(tmp_path):
    write_series(tmp_path, grey_head(3))
    first, second, _ = sorted(tmp_path.iterdir())
    first.write_bytes(first.read_bytes()[:-500])
    with pytest.raises(InputError, match="cannot be read"):
        read_series(only_series(tmp_path))
    second.write_bytes(second.read_bytes()[:200])
    _, refused = find_series(sorted(tmp_path.iterdir()))
    assert [path for path, _ in refused] == [second]


def test_one_series_number_for_two_patients_is_two_series(tmp_path):
    write_series(tmp_path, grey_head(4), PatientID=["P1", "P1", "P2", "P2"])
    series, _ = find_series(sorted(tmp_path.iterdir()))
    assert [(s.patient, len(s.files)) for s in series] == [("P1", 2), ("P2", 2)]


def test_odd_values_are_read_without_a_warning_that_quotes_them(tmp_path, recwarn, caplog):
    write_series(tmp_path, grey_head(2))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"1.2.826.0.1.3680043", b"1.2.826.Roe.Jane043"))
    assert len(read_series(only_series(tmp_path)).values) == 2
    assert not recwarn.list
    assert not caplog.records
