"""Derived CT series: the source's numbers and place, its own UIDs, how it was made, and nobody's name unless asked."""

import subprocess
from shutil import which

import numpy as np
import pytest
import torch
from ct_files import PEOPLE, chest, write_ct, write_enhanced
from pydicom import dcmread
from pydicom.uid import CTImageStorage

from medrecon.errors import InputError
from medrecon.io import Derivation, load_volume, save_volume

SHA = "0123456789abcdef" * 4
MADE = Derivation("cold-latent", "0.1.0", SHA)
PADDED = np.zeros((5, 24, 20), bool)
PADDED[:, :4] = PADDED[:, 10, 3] = True
SCRAMBLED = [3, 0, 4, 1, 2]


@pytest.fixture(params=["classic", "signed", "fractional", "enhanced"])
def source(request, tmp_path):
    """Path of a source with padding."""
    options = {"padded": PADDED, "padding": 4095, "order": SCRAMBLED}
    if request.param == "enhanced":
        return write_enhanced(tmp_path / "in" / "e.dcm", chest(), **options)
    if request.param == "signed":
        options |= {"padding": -2000, "signed": True, "intercept": 0.0, "implicit": True}
    if request.param == "fractional":
        options |= {"padding": 9, "slope": [0.7, 1.3, 0.9, 1.1, 0.333], "intercept": -1024.5}
    return write_ct(tmp_path / "in", chest(), **options)


def derive(volume, path, values=None, **options):
    save_volume(volume.values if values is None else values, volume, path, derivation=MADE, **options)
    return [dcmread(file) for file in sorted(path.iterdir())]


def raw_parts(path):
    """(header of the file, stored numbers) slice by slice, feet first."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    found = []
    for part in map(dcmread, files):
        frames = part.pixel_array.reshape(-1, part.Rows, part.Columns)
        groups = part.get("PerFrameFunctionalGroupsSequence")
        for i, frame in enumerate(frames):
            place = (groups[i].PlanePositionSequence[0] if groups else part).ImagePositionPatient
            found.append((float(place[2]), part, i, frame))
    return sorted(found, key=lambda one: one[0])


@pytest.mark.parametrize("keep", [False, True])
def test_without_a_method_nothing_changes(source, tmp_path, keep):
    volume = load_volume(source)
    made = derive(volume, tmp_path / "out", keep_identity=keep)
    again = load_volume(tmp_path / "out")
    assert torch.equal(again.values, volume.values)
    assert torch.equal(again.padding, volume.padding)
    for part, (_, _, _, stored) in zip(made, raw_parts(source), strict=True):
        assert np.array_equal(part.pixel_array, stored)  # the padding's own numbers among them


def test_the_place_is_the_sources(source, tmp_path):
    volume = load_volume(source)
    made = derive(volume, tmp_path / "out")
    assert load_volume(tmp_path / "out").affine == pytest.approx(volume.affine, abs=1e-9)
    for i, (part, (_, origin, _, _)) in enumerate(zip(made, raw_parts(source), strict=True)):
        corner = (volume.affine @ [i, 0, 0, 1])[:3]
        assert np.array(part.ImagePositionPatient, float) == pytest.approx(corner, abs=0.01)
        assert np.array(part.PixelSpacing, float) == pytest.approx([0.7, 0.8])
        assert list(part.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
        assert part.FrameOfReferenceUID == origin.FrameOfReferenceUID


def test_it_is_an_object_of_its_own_and_names_its_source(source, tmp_path):
    made, origin = derive(load_volume(source), tmp_path / "out"), raw_parts(source)
    again = derive(load_volume(source), tmp_path / "again")
    assert len({part.SeriesInstanceUID for part in made}) == 1
    assert made[0].SeriesInstanceUID not in (origin[0][1].SeriesInstanceUID, again[0].SeriesInstanceUID)
    assert len({part.SOPInstanceUID for part in made + again} | {part.SOPInstanceUID for _, part, _, _ in origin}) >= 11
    for part, (_, whole, frame, _) in zip(made, origin, strict=True):
        assert part.SOPClassUID == part.file_meta.MediaStorageSOPClassUID == CTImageStorage
        assert list(part.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        (reference,) = part.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == whole.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == whole.SOPClassUID
        assert reference.get("ReferencedFrameNumber") == (frame + 1 if "NumberOfFrames" in whole else None)
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_it_says_how_it_was_made(source, tmp_path):
    for part in derive(load_volume(source), tmp_path / "out"):
        assert all(word in part.DerivationDescription for word in ("cold-latent", "0.1.0", SHA))
        method, weights = part.DerivationCodeSequence
        assert (method.CodeValue, method.CodingSchemeVersion) == ("cold-latent", "0.1.0")
        assert weights.CodeMeaning == SHA
        assert part.ContributingEquipmentSequence[0].SoftwareVersions == "0.1.0"


def test_a_simulated_dose_is_not_called_denoised(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest()))
    made = Derivation("simulated-dose 0.1, seed 0", "0.1.0")
    save_volume(volume.values, volume, tmp_path / "out", derivation=made)
    part = dcmread(tmp_path / "out" / "0001.dcm")
    (code,) = part.DerivationCodeSequence
    assert (code.CodeValue, code.CodeMeaning) == ("simulated-dose", "simulated-dose")
    assert "simulated-dose 0.1, seed 0" in part.DerivationDescription
    assert part.ContributingEquipmentSequence[0].ContributionDescription == "values made by simulated-dose 0.1, seed 0"


@pytest.mark.filterwarnings("ignore:Value:UserWarning")
def test_decimal_strings_of_the_source_are_cut_to_the_standards_length(tmp_path):
    tilted = (1, 0, 0, 0, 0.9659258262890683, 0.25881904510252074)
    volume = load_volume(write_ct(tmp_path / "in", chest(), orientation=tilted))
    for part in derive(volume, tmp_path / "out"):
        assert all(len(str(value)) <= 16 for value in part.ImageOrientationPatient)
    np.testing.assert_allclose(load_volume(tmp_path / "out").affine, volume.affine, atol=1e-9)


def test_a_method_without_weights_names_none(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest()))
    save_volume(volume.values, volume, tmp_path / "out", derivation=Derivation("nlm", "0.1.0", None))
    part = dcmread(tmp_path / "out" / "0001.dcm")
    assert "weights" not in part.DerivationDescription
    assert len(part.DerivationCodeSequence) == 1


def test_identity_is_dropped(source, tmp_path):
    made = derive(load_volume(source), tmp_path / "out")
    study = raw_parts(source)[0][1].StudyInstanceUID
    words = [
        str(word).encode("latin-1") for word in (*PEOPLE.values(), study, "ROE^JANE PRIVATE", "roe's", "Jane moved")
    ]
    for file in (tmp_path / "out").iterdir():
        data = file.read_bytes()
        assert [word for word in words if len(word) > 3 and word in data] == []
    for part in made:
        assert not [e for e in part.iterall() if e.tag.is_private or (e.VR in ("PN", "DA", "TM", "DT") and e.value)]
        assert (str(part.PatientName), part.PatientID, part.PatientSex) == ("", "", "")
        assert part.PatientIdentityRemoved == "YES"
        assert [code.CodeValue for code in part.DeidentificationMethodCodeSequence] == ["113100", "113110"]
    assert len({part.StudyInstanceUID for part in made}) == 1


def test_series_of_one_study_stay_together_without_identity(tmp_path):
    studies = []
    for name in "ab":
        write_ct(tmp_path / name, chest(), StudyInstanceUID="1.2.3.4")
        studies.append(derive(load_volume(tmp_path / name), tmp_path / f"{name}-out")[0].StudyInstanceUID)
    assert studies[0] == studies[1] != "1.2.3.4"


def test_identity_is_kept_when_asked_for(source, tmp_path):
    made, (_, origin, _, _) = derive(load_volume(source), tmp_path / "out", keep_identity=True), raw_parts(source)[0]
    for part in made:
        for name, value in PEOPLE.items():
            assert str(part[name].value) == value, name
        assert part.StudyInstanceUID == origin.StudyInstanceUID
        assert "PatientIdentityRemoved" not in part
        assert not [e for e in part.iterall() if e.tag.is_private]


def test_nothing_is_invented_for_a_source_without_a_patient(tmp_path):
    nobody = dict.fromkeys(PEOPLE)
    made = derive(load_volume(write_ct(tmp_path / "in", chest(), **nobody)), tmp_path / "out", keep_identity=True)
    for part in made:
        assert not [name for name in PEOPLE if name in part and part[name].value]


@pytest.mark.skipif(which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
@pytest.mark.parametrize("keep", [False, True])
def test_dciodvfy_finds_no_error_where_the_source_has_none(source, tmp_path, keep):
    derive(load_volume(source), tmp_path / "out", keep_identity=keep)
    origin = source if source.is_file() else next(source.iterdir())
    for file in (origin, *(tmp_path / "out").iterdir()):
        done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True)
        assert "Error" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_values_beyond_the_type_are_clipped_and_never_wrap(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest(), bits=12))
    values = volume.values.clone()
    values[:, 0], values[:, 1] = 1e6, -1e6
    derive(volume, tmp_path / "out", values)
    again = load_volume(tmp_path / "out").values
    assert bool((again[:, 0] == 4095 - 1024).all())
    assert bool((again[:, 1] == -1024).all())


def test_halves_are_rounded_to_the_even_number(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest()))
    derive(volume, tmp_path / "out", volume.values + 0.5)
    assert torch.equal(load_volume(tmp_path / "out").values, (volume.values + 0.5).round())


@pytest.mark.parametrize(("padding", "beside"), [(0, -1023.0), (24, -999.0)])
def test_a_measured_pixel_is_never_stored_as_padding(tmp_path, padding, beside):
    folder = write_ct(tmp_path / "in", np.maximum(chest(), -900), padded=PADDED, padding=padding)
    volume = load_volume(folder)
    derive(volume, tmp_path / "out", torch.full_like(volume.values, padding - 1023.6))
    again = load_volume(tmp_path / "out")
    assert np.array_equal(again.padding, PADDED)
    assert bool((again.values[~again.padding] == beside).all())


def test_slices_of_a_volume_keep_their_sources(tmp_path):
    source = write_ct(tmp_path / "in", chest())
    part = load_volume(source).slices(2, 4)
    made = derive(part, tmp_path / "out")
    origin = raw_parts(source)[2:4]
    assert [p.SourceImageSequence[0].ReferencedSOPInstanceUID for p in made] == [o[1].SOPInstanceUID for o in origin]
    assert [p.InstanceNumber for p in made] == [o[1].InstanceNumber for o in origin]


def test_a_compressed_source_is_stored_plainly(tmp_path):
    from pydicom.uid import ExplicitVRLittleEndian, RLELossless

    for path in write_ct(tmp_path / "in", chest()).iterdir():
        part = dcmread(path)
        part.compress(RLELossless, generate_instance_uid=False)
        part.save_as(path)
    made = derive(load_volume(tmp_path / "in"), tmp_path / "out")
    assert {part.file_meta.TransferSyntaxUID for part in made} == {ExplicitVRLittleEndian}
    assert np.array_equal([part.pixel_array.astype(int) - 1024 for part in made], chest())


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest()))
    sorted((tmp_path / "in").iterdir())[3].unlink()
    with pytest.raises(InputError, match="the source cannot be read any more"):
        derive(volume, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path):
    volume = load_volume(write_ct(tmp_path / "in", chest()))
    (tmp_path / "out").mkdir()
    assert len(derive(volume, tmp_path / "out")) == 5
    before = sorted(path.read_bytes() for path in (tmp_path / "out").iterdir())
    with pytest.raises(InputError, match="not empty"):
        derive(volume, tmp_path / "out")
    with pytest.raises(InputError, match="not empty"):
        derive(volume, tmp_path / "in")
    assert sorted(path.read_bytes() for path in (tmp_path / "out").iterdir()) == before
