"""CT series into volumes: HU, order, padding, geometry; and one line for what is no CT volume."""

import numpy as np
import pytest
from ct_files import PEOPLE, chest, write_ct, write_enhanced
from dicom_files import grey_head, write_series

from medrecon.errors import InputError
from medrecon.io import load_volume

SCRAMBLED = [3, 0, 4, 1, 2]


@pytest.fixture(params=["classic", "enhanced"])
def series(request, tmp_path):
    """Write five slices one way or the other, scrambled; answers with the path to read."""

    def write(hu, **options):
        if request.param == "classic":
            return write_ct(tmp_path / "in", hu, order=SCRAMBLED, **options)
        return write_enhanced(tmp_path / "in" / "frames.dcm", hu, order=SCRAMBLED, **options)

    return write


def test_hu_in_the_order_of_positions(series):
    hu = chest()
    volume = load_volume(series(hu))
    assert np.array_equal(volume.values, hu)
    assert volume.voxel_mm == pytest.approx((2.5, 0.7, 0.8))
    assert volume.affine @ [2, 3, 4, 1] == pytest.approx([-90 + 4 * 0.8, -80 + 3 * 0.7, 10 + 2 * 2.5, 1])
    assert volume.padding is None
    assert volume.warnings == ()


def test_each_slice_has_its_own_rescaling(series):
    hu, slopes = 2 * (chest() // 4), [1.0, 2.0, 1.0, 0.5, 2.0]
    volume = load_volume(series(hu, slope=slopes, intercept=[-2048.0, -2000.0, -3000.0, -600.0, -2100.0]))
    assert np.array_equal(volume.values, hu)


def test_padding_is_no_measurement(series):
    hu, padded = chest(), np.zeros((5, 24, 20), bool)
    padded[:, :4] = padded[2, :, 7] = True
    volume = load_volume(series(hu, padded=padded, padding=4000))
    assert np.array_equal(volume.padding, padded)
    assert np.array_equal(volume.values, np.where(padded, -1024, hu))


def test_padding_may_be_a_range(tmp_path):
    hu, padded = chest(), np.zeros((5, 24, 20), bool)
    padded[:, 0] = True
    folder = write_ct(tmp_path / "in", hu, padded=padded, padding=60001, PixelPaddingRangeLimit=60010)
    assert np.array_equal(load_volume(folder).padding, padded)


@pytest.mark.parametrize("implicit", [False, True])
def test_signed_padding_below_the_scale(tmp_path, implicit):
    hu, padded = chest(), np.zeros((5, 24, 20), bool)
    padded[:, :, -3:] = True
    folder = write_ct(tmp_path / "in", hu, padded=padded, padding=-2000, signed=True, intercept=0.0, implicit=implicit)
    volume = load_volume(folder)
    assert np.array_equal(volume.padding, padded)
    assert volume.fill == -2000


def test_signed_padding_that_is_named_unsigned(tmp_path):
    hu, padded = chest(), np.zeros((5, 24, 20), bool)
    padded[:, :, :2] = True
    write_ct(tmp_path / "in", hu, padded=padded, padding=-2000, signed=True, PixelPaddingValue=-2000)
    for path in (tmp_path / "in").iterdir():  # -2000 as SS becomes 63536 as US
        path.write_bytes(path.read_bytes().replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US"))
    assert np.array_equal(load_volume(tmp_path / "in").padding, padded)


def test_padding_that_needs_more_bits_than_the_pixels(tmp_path):
    hu, padded = np.minimum(chest(), 1000), np.zeros((5, 24, 20), bool)
    padded[:, :2] = True
    volume = load_volume(write_ct(tmp_path / "in", hu, padded=padded, padding=63536, bits=12))
    assert np.array_equal(volume.padding, padded)


def test_fill_without_a_tag_is_found_by_its_value(tmp_path):
    hu = chest()
    hu[:, :5] = -2000
    volume = load_volume(write_ct(tmp_path / "in", hu, signed=True, intercept=0.0))
    assert np.array_equal(volume.padding, hu == -2000)


def test_one_file_stands_for_its_series(tmp_path):
    hu = chest()
    write_ct(tmp_path, hu)
    (tmp_path / "b").mkdir()
    for path in write_ct(tmp_path / "b", chest(7)).iterdir():
        path.rename(tmp_path / f"other{path.name}")
    assert np.array_equal(load_volume(tmp_path / "IM0002").values, hu)


def test_a_hidden_file_may_be_named(tmp_path):
    path = write_ct(tmp_path / "in", chest(1)) / "IM0000"
    assert load_volume(path.rename(path.with_name(".slice"))).n_slices == 1


def test_one_slice_is_a_volume(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest(1)))
    assert volume.values.shape == (1, 24, 20)
    assert volume.voxel_mm == pytest.approx((2.5, 0.7, 0.8))


def test_a_tilted_gantry_shears_the_affine(tmp_path):
    tilted = [[-90.0, -80.0 + 0.5 * i, 10 + 2.5 * i] for i in range(5)]
    volume = load_volume(write_ct(tmp_path / "in", chest(), ImagePositionPatient=tilted))
    assert volume.affine[:3, 0] == pytest.approx([0, 0.5, 2.5])
    assert volume.voxel_mm[0] == pytest.approx(2.5)
    assert volume.tilt_degrees == pytest.approx(np.degrees(np.arctan(0.2)))


def test_files_beside_the_images_do_not_matter(tmp_path):
    hu = chest()
    folder = write_ct(tmp_path / "in", hu)
    (folder / "README.txt").write_text("exported")
    (folder / "._IM0000.dcm").write_bytes(b"resource fork")
    (folder / "IM0001.bak").write_bytes((folder / "IM0001").read_bytes())
    assert np.array_equal(load_volume(folder).values, hu)


def test_what_is_read_shows_no_identity(series):
    volume = load_volume(series(chest()))
    shown = repr(volume) + repr({name: value for name, value in vars(volume).items() if name != "values"})
    assert not [word for word in PEOPLE.values() if len(word) > 3 and word in shown]


def heights(*values):
    return [[0.0, 0.0, float(v)] for v in values]


BAD = {
    "missing slice": (
        {"ImagePositionPatient": heights(0, 2.5, 5, 10, 12.5)},
        "2.50 to 5.00 mm apart; some are missing",
    ),
    "irregular": ({"ImagePositionPatient": heights(0, 2.5, 5, 9, 12)}, "regular spacing"),
    "scout": ({"ImageType": [["ORIGINAL", "PRIMARY", "LOCALIZER"]] * 5}, "scout"),
    "no slope": ({"RescaleSlope": [1, 1, None, 1, 1]}, "without RescaleSlope"),
    "no intercept": ({"RescaleIntercept": None}, "without RescaleSlope or RescaleIntercept"),
    "slope of 0": ({"RescaleSlope": 0}, "slope is 0"),
    "not HU": ({"RescaleType": "Z_EFF"}, "rescaled to Z_EFF"),
    "burned in": ({"BurnedInAnnotation": "YES"}, "burned into"),
    "frames": ({"FrameOfReferenceUID": ["1.2", "1.2", "1.3", "1.3", "1.3"]}, "frames of reference"),
    "phases": ({"ImagePositionPatient": heights(0, 0, 2.5, 2.5, 5)}, "one position"),
    "colour": ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "colours, not grey values"),
    "inverted": ({"PhotometricInterpretation": "MONOCHROME1"}, "not grey values"),
    "MR": ({"Modality": "MR"}, "modality MR; expected CT"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line_for_a_series_that_is_no_ct_volume(case, tmp_path):
    tags, words = BAD[case]
    refused(write_ct(tmp_path / "in", chest(), **tags), words)


def refused(path, words):
    with pytest.raises(InputError, match=words) as refusal:
        load_volume(path)
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert not [word for word in PEOPLE.values() if len(word) > 3 and word in str(refusal.value)]


def test_an_enhanced_frame_without_rescaling(tmp_path):
    path = write_enhanced(tmp_path / "in" / "e.dcm", chest(), frame_tags={"RescaleSlope": None})
    refused(path, "without RescaleSlope")


def test_an_enhanced_scout(tmp_path):
    path = write_enhanced(tmp_path / "in" / "e.dcm", chest(), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"])
    refused(path, "scout")


def test_an_enhanced_series_with_a_gap(tmp_path):
    path = write_enhanced(
        tmp_path / "in" / "e.dcm", chest(), frame_tags={"ImagePositionPatient": heights(0, 2.5, 5, 10, 12.5)}
    )
    refused(path, "some are missing")


def test_a_magnetic_resonance_series(tmp_path):
    refused(write_series(tmp_path / "in", grey_head()), "modality MR; expected CT")


def test_a_folder_of_two_series(tmp_path):
    write_ct(tmp_path / "in" / "a", chest())
    write_ct(tmp_path / "in" / "b", chest(7))
    refused(tmp_path / "in", r"holds 2 series \(CT of 5, IM0000 first; CT of 7, IM0000 first\)")


def test_an_empty_folder_and_one_without_images(tmp_path):
    (tmp_path / "in").mkdir()
    refused(tmp_path / "in", "holds no DICOM image")
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    refused(tmp_path / "in", "holds no DICOM image")
    refused(tmp_path / "in" / "notes.txt", "neither DICOM nor NIfTI")
    refused(tmp_path / "nowhere", "no such file")


@pytest.mark.parametrize("kept", [-300, 700, 140])
def test_a_truncated_file(tmp_path, kept):
    folder = write_ct(tmp_path / "in", chest())
    last = folder / "IM0004"
    last.write_bytes(last.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"cannot be read|cut off") as refusal:
        load_volume(folder)
    assert "\n" not in str(refusal.value)


def test_a_file_that_lost_its_header_is_no_gap(tmp_path):
    folder = write_ct(tmp_path / "in", chest())
    (folder / "IM0004").unlink()
    (folder / "IM0004.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0004\.dcm: has no DICOM header"):
        load_volume(folder)


def test_compressed_pixels_without_their_decoder(tmp_path, monkeypatch):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders import JPEGLSLosslessDecoder
    from pydicom.uid import JPEGLSLossless

    folder = write_ct(tmp_path / "in", chest())
    for path in folder.iterdir():
        part = dcmread(path)
        part.PixelData = encapsulate([b"\xff\xd8 not decoded here"])
        part.file_meta.TransferSyntaxUID = JPEGLSLossless
        part.save_as(path)
    monkeypatch.setattr(JPEGLSLosslessDecoder, "_available", {})
    refused(folder, r"compressed \(JPEG-LS Lossless Image Compression\), and no decoder")


def test_run_length_encoding_needs_no_decoder_of_its_own(tmp_path):
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    hu = chest()
    folder = write_ct(tmp_path / "in", hu)
    for path in folder.iterdir():
        part = dcmread(path)
        part.compress(RLELossless, generate_instance_uid=False)
        part.save_as(path)
    assert np.array_equal(load_volume(folder).values, hu)
