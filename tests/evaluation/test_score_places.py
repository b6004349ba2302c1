"""`medrecon score` of images that lie elsewhere than their references, and of such that do not say where they lie."""

import json
import shutil
from dataclasses import replace

import h5py
import nibabel as nib
import numpy as np
import pytest
from ct_files import chest, write_ct, write_enhanced
from fastmri_folders import image, write_target
from result_folders import reconstruction

from medrecon.cli.main import run
from medrecon.io import load_images, save

AFFINE = np.array([[0, 0, 3.0, -90], [0, 2.0, 0, -80], [5.0, 0, 0, 10], [0, 0, 0, 1]])
UNKNOWN = "warning: only one of the two files says where it lies"


def moved(slices: float = 0, x: float = 0):
    affine = AFFINE.copy()
    affine[:3, 3] += slices * AFFINE[:3, 0] + x * AFFINE[:3, 2]
    return affine


@pytest.fixture
def made():
    return reconstruction(slices=3)


def saved(made, path, affine):
    save(replace(made, affine=affine), path)
    return path


@pytest.mark.parametrize("ending", [".h5", ".nii.gz", ""])
@pytest.mark.parametrize("other", [".h5", ".nii.gz", ""])
def test_the_same_slices_in_any_format_are_scored_and_the_next_ones_refused(made, tmp_path, capsys, ending, other):
    pred = saved(made, tmp_path / f"pred{ending}", AFFINE)
    same = saved(made, tmp_path / f"same{other}", moved(x=0.4))
    following = saved(made, tmp_path / f"following{other}", moved(slices=1))
    assert run(["score", str(pred), str(same)]) == 0
    assert capsys.readouterr().err == ""
    assert run(["score", str(pred), str(following), "--csv", str(tmp_path / "s.csv")]) == 2
    assert capsys.readouterr().err == (
        f"medrecon: the image {pred.name} lies elsewhere than its reference {following.name}, 1 voxels away at the "
        "farthest corner; give the same slices\n"
    )
    assert not (tmp_path / "s.csv").exists()


def test_what_one_file_alone_says_is_warned_of_and_what_none_says_is_not(made, tmp_path, capsys):
    placed, unplaced = saved(made, tmp_path / "a.h5", AFFINE), saved(made, tmp_path / "b.nii.gz", None)
    out = tmp_path / "s.json"
    for pair in ((placed, unplaced), (unplaced, placed)):
        assert run(["score", *map(str, pair), "--json", str(out)]) == 0
        assert capsys.readouterr().err.startswith(UNKNOWN)
        assert len(json.loads(out.read_text())["warnings"]) == 1
    array = saved(made, tmp_path / "c.npy", AFFINE)
    assert run(["score", str(array), str(unplaced), "--json", str(out)]) == 0
    assert capsys.readouterr().err == ""
    assert json.loads(out.read_text())["warnings"] == []


def test_crops_of_the_fastmri_protocol_are_compared_where_they_lie(tmp_path, capsys):
    """The prediction is the target's central square already: its first voxel lies 8 rows further down."""
    values = image(64, 48, slices=2)
    target = write_target(tmp_path / "t.h5", values)
    made = reconstruction(slices=2, size=(48, 48))
    pred, wrong = saved(made, tmp_path / "p.h5", AFFINE), saved(made, tmp_path / "w.h5", moved(x=8))
    with h5py.File(target, "a") as file:
        affine = AFFINE.copy()
        affine[:3, 3] -= 8 * AFFINE[:3, 1]
        file.attrs["affine"] = affine
    assert run(["score", str(pred), str(target), "--protocol", "fastmri"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["score", str(wrong), str(target), "--protocol", "fastmri"]) == 2
    assert "8 voxels away" in capsys.readouterr().err


def test_one_pair_that_lies_elsewhere_refuses_the_folder(made, tmp_path, capsys):
    for folder in ("p", "t"):
        (tmp_path / folder).mkdir()
        for name in ("head1", "head2"):
            wrong = (folder, name) == ("t", "head2")
            saved(made, tmp_path / folder / f"{name}.h5", moved(slices=-2 if wrong else 0))
    argv = ["score", str(tmp_path / "p"), str(tmp_path / "t")]
    assert run([*argv, "--csv", str(tmp_path / "s.csv")]) == 2
    assert "the image head2 lies elsewhere than its reference head2.h5, 2 voxels away" in capsys.readouterr().err
    assert not (tmp_path / "s.csv").exists()
    saved(made, tmp_path / "t" / "head2.h5", None)
    assert run(argv) == 0
    assert capsys.readouterr().err.endswith("1 of 2 pairs, head2 first\n")


def test_ct_in_dicom_and_nifti_meets_in_the_patient_whatever_the_axes_of_its_file(tmp_path, capsys):
    hu = chest()
    write_ct(tmp_path / "classic", hu, order=[3, 0, 4, 1, 2])
    write_enhanced(tmp_path / "enhanced" / "a.dcm", hu, order=[4, 3, 2, 1, 0])
    affine = np.array([[-0.8, 0, 0, 90], [0, -0.7, 0, 80], [0, 0, 2.5, 10], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(hu.transpose(2, 1, 0), affine), tmp_path / "lps.nii.gz")
    turned = affine.copy()
    turned[:3, 0] *= -1
    turned[:3, 3] += (hu.shape[2] - 1) * affine[:3, 0]
    nib.save(nib.Nifti1Image(hu.transpose(2, 1, 0)[::-1], turned), tmp_path / "mirrored.nii.gz")
    files = [tmp_path / name for name in ("classic", "enhanced", "lps.nii.gz", "mirrored.nii.gz")]
    for pred in files:
        for target in files:
            assert run(["score", str(pred), str(target), "--protocol", "ct-full"]) == 0, (pred, target)
    assert capsys.readouterr().err == ""
    affine[0, 3] += 4
    nib.save(nib.Nifti1Image(hu.transpose(2, 1, 0), affine), tmp_path / "beside.nii.gz")
    for pred in files:
        assert run(["score", str(pred), str(tmp_path / "beside.nii.gz"), "--protocol", "ct-full"]) == 2
        assert "5 voxels away" in capsys.readouterr().err
    np.save(tmp_path / "array.npy", hu.astype(np.float32))
    assert run(["score", str(files[0]), str(tmp_path / "array.npy"), "--protocol", "ct-full"]) == 0
    assert capsys.readouterr().err.startswith(UNKNOWN)


def test_a_derived_mr_series_is_scored_with_and_without_a_place(made, tmp_path, capsys):
    """Its numbers are rounded to a 32767th of the brightest."""
    placed, unplaced = saved(made, tmp_path / "placed", AFFINE), saved(made, tmp_path / "unplaced", None)
    for folder in (placed, unplaced):
        found = load_images(folder)
        assert found.shape == made.image.shape
        assert (found - made.image.abs()).abs().max() < made.image.abs().max() / 32000
    assert run(["score", str(placed), str(unplaced)]) == 0
    assert capsys.readouterr().err.startswith(UNKNOWN)
    shutil.copy(placed / "0001.dcm", unplaced / "0009.dcm")
    assert run(["score", str(placed), str(unplaced)]) == 2
    assert "holds 2 series; expected one MR series" in capsys.readouterr().err
