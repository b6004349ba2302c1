"""Folders against folders: fastMRI's own evaluation is the reference, and what does not compare is refused."""

import argparse
import warnings

import h5py
import numpy as np
import pytest
from fastmri_folders import image, record, write_prediction, write_target

from medrecon.errors import InputError
from medrecon.evaluation import score, score_ct, score_files
from medrecon.evaluation.folders import Selection, Spread, score_folders
from medrecon.evaluation.folders.fastmri_package import fastmri_crop

KEYS = {"mse": "MSE", "nmse": "NMSE", "psnr": "PSNR", "ssim": "SSIM"}


def theirs(predictions, targets, key="reconstruction_rss", acquisition=None, acceleration=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastmri.evaluate import evaluate
    asked = argparse.Namespace(
        predictions_path=predictions, target_path=targets, acquisition=acquisition, acceleration=acceleration
    )
    return evaluate(asked, key)


def check_equal(found, expected):
    means, deviations = expected.means(), expected.stddevs()
    for ours, name in KEYS.items():
        spread = found.spread(ours)
        assert abs(spread.mean - float(np.squeeze(means[name]))) < 1e-6, name
        assert abs(spread.std - float(np.squeeze(deviations[name]))) < 1e-6, name


@pytest.fixture
def folders(tmp_path):
    """Knees and brains: oversampled references, odd sides, reconstructions cropped to the challenge's square."""
    predictions, targets = tmp_path / "reconstructions", tmp_path / "multicoil_val"
    sizes = {"file1": (64, 48, 48), "file2": (80, 40, 80), "file3": (52, 41, 41), "file4": (64, 48, 64)}
    kinds = {"file1": "CORPD_FBK", "file2": "CORPDFS_FBK", "file3": "CORPD_FBK", "file4": "CORPDFS_FBK"}
    for i, (name, (height, width, kept)) in enumerate(sizes.items()):
        values = image(height, width, seed=i, slices=2 + i % 2, scale=1e-4 if i % 2 else 1.0)
        acceleration = 4 if i < 2 else 8
        write_target(targets / f"{name}.h5", values, acquisition=kinds[name], acceleration=acceleration)
        top = (height - kept) // 2
        write_prediction(predictions / f"{name}.h5", values[:, top : top + kept], seed=10 + i)
    return predictions, targets


@pytest.mark.parametrize(
    ("acquisition", "acceleration"), [(None, None), ("CORPD_FBK", None), (None, 8), ("CORPDFS_FBK", None)]
)
def test_equals_the_fastmri_packages_own_evaluation(folders, acquisition, acceleration):
    found = score_folders(*folders, "fastmri", selection=Selection(acquisition, acceleration))
    assert (found.protocol, found.reference) == ("fastmri", "rss")
    assert len(found.volumes) == (4 if acquisition is None and acceleration is None else 2)
    assert found.is_complete
    check_equal(found, theirs(*folders, acquisition=acquisition, acceleration=acceleration))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_volumes_with_large_errors_agree_too(tmp_path, dtype):
    """The package sums in the precision of the files: 1e-4 of an NMSE, which is none of ours to mend here."""
    predictions, targets = tmp_path / "p", tmp_path / "t"
    for i in range(2):
        values = image(320, 320, slices=8, seed=i).astype(dtype)
        path = write_target(targets / f"f{i}.h5", values)
        write_prediction(predictions / f"f{i}.h5", values, noise=0.5)
        with h5py.File(path.parent.parent / "p" / path.name, "a") as file:
            made = file["reconstruction"][()].astype(dtype)
            del file["reconstruction"]
            file["reconstruction"] = made
    check_equal(score_folders(predictions, targets, "fastmri"), theirs(predictions, targets))


def test_the_reference_of_single_coil_files_is_the_emulated_coil(tmp_path):
    """They hold both, and fastMRI scores its single-coil track against the emulated coil's image."""
    predictions, targets = tmp_path / "p", tmp_path / "t"
    for i in range(2):
        values = image(40, 40, seed=i)
        path = write_target(targets / f"f{i}.h5", values, name="reconstruction_esc", coils=1)
        with h5py.File(path, "a") as file:
            file["reconstruction_rss"] = 1.1 * values
        write_prediction(predictions / f"f{i}.h5", values)
    found = score_folders(predictions, targets, "fastmri")
    assert found.reference == "esc"
    check_equal(found, theirs(predictions, targets, "reconstruction_esc"))
    named = score_folders(predictions, targets, "fastmri", dataset="reconstruction_rss")
    assert named.reference == "rss"
    check_equal(named, theirs(predictions, targets))


@pytest.mark.parametrize(("n", "m"), [(8, 5), (7, 4), (8, 4), (7, 5), (4, 6)])
def test_the_square_is_cut_as_fastmri_cuts_it(n, m):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastmri.data.transforms import center_crop
    values = np.arange(float(n * n)).reshape(1, n, n)
    kept = min(n, m)
    assert np.array_equal(fastmri_crop(values, (m, m)), center_crop(values, (kept, kept)))


def test_other_protocols_are_those_of_single_files(tmp_path):
    predictions, targets = tmp_path / "p", tmp_path / "t"
    for i in range(3):
        values = image(40, 32, seed=i)
        write_target(targets / f"f{i}.h5", values)
        write_prediction(predictions / f"f{i}.h5", values, noise=0.02 * (i + 1))
    found = score_folders(predictions, targets)
    single = [score_files(predictions / f"f{i}.h5", targets / f"f{i}.h5") for i in range(3)]
    assert [volume.scores for volume in found.volumes] == single
    means = [each.mean["psnr"] for each in single]
    spread = found.spread("psnr")
    assert spread.mean == pytest.approx(np.mean(means))
    assert spread.std == pytest.approx(np.std(means, ddof=1))
    assert (spread.low, spread.high) == (min(means), max(means))
    written = found.as_dict()
    assert written["range"]["psnr"] == [min(means), max(means)]
    assert [row["psnr"] for row in written["volumes"][1]["slices"]] == [row["psnr"] for row in single[1].slices]


def test_volumes_of_ct_files_and_series(tmp_path):
    from ct_bodies import bodies
    from ct_files import write_ct

    full = bodies(3, 64).round()
    low = full + 10
    np.save((tmp_path / "a.npy"), full.numpy())
    predictions, targets = tmp_path / "p", tmp_path / "t"
    predictions.mkdir(), targets.mkdir()
    np.save(predictions / "one.npy", low.numpy())
    np.save(targets / "one.npy", full.numpy())
    write_ct(predictions / "two", low.short().numpy())
    write_ct(targets / "two", full.short().numpy())
    (predictions / "pictures").mkdir()
    (predictions / "one.json").write_text("{}")
    found = score_folders(predictions, targets, "ct-chest")
    expected = score_ct(low, full, "ct-chest")
    assert [volume.name for volume in found.volumes] == ["one", "two"]
    assert found.is_complete
    for volume in found.volumes:
        assert volume.row == pytest.approx(expected.mean)


def test_missing_surplus_and_damaged_files_are_named(folders):
    predictions, targets = folders
    (predictions / "file1.h5").unlink()
    (predictions / "more.h5").write_bytes((predictions / "file2.h5").read_bytes())
    damaged = predictions / "file2.h5"
    damaged.write_bytes(damaged.read_bytes()[:1500])
    (targets / "file3.h5").write_text("no HDF5")
    found = score_folders(predictions, targets, "fastmri")
    assert [volume.name for volume in found.volumes] == ["file4"]
    assert (found.missing, found.surplus) == (("file1",), ("more",))
    assert [name for name, _ in found.failed] == ["file3", "file2"]
    assert not found.is_complete
    assert found.spread("psnr").std is None
    # what is filtered out is neither missing nor surplus
    part = score_folders(predictions, targets, "fastmri", selection=Selection("CORPDFS_FBK"))
    assert (part.missing, part.surplus) == ((), ("more",))


def test_references_and_protocols_are_not_mixed(tmp_path):
    values = image(40, 40)

    def pair(folder, i, target=None, **said):
        write_target(tmp_path / folder / "t" / f"f{i}.h5", values, name=target or "reconstruction_rss")
        write_prediction(tmp_path / folder / "p" / f"f{i}.h5", values, record=record(**said) if said else None)

    for folder in ("targets", "references", "protocols", "ct"):
        (tmp_path / folder).mkdir()
    pair("targets", 0)
    pair("targets", 1, "truth")
    pair("references", 0, reference="combined")
    pair("references", 1, reference="simulated")
    pair("protocols", 0, protocol="full-range")
    pair("protocols", 1, protocol="fastmri")
    for folder, said in {
        "targets": "targets are references 'rss' .f0. and 'simulated' .f1.",
        "references": "scores of reference 'combined' .f0. and 'simulated' .f1.",
        "protocols": "scores of protocol 'full-range' .f0. and 'fastmri' .f1.",
    }.items():
        with pytest.raises(InputError, match=said):
            score_folders(tmp_path / folder / "p", tmp_path / folder / "t")
    pair("ct", 0, reference="combined")
    np.save(tmp_path / "ct" / "p" / "x.npy", values)
    np.save(tmp_path / "ct" / "t" / "x.npy", values)
    (tmp_path / "ct" / "p" / "x.json").write_text('{"method": "tv", "dose": 0.25, "versions": {}, "scores": null}')
    (tmp_path / "ct" / "p" / "f0.h5").unlink()
    with pytest.raises(InputError, match="x is CT, by tv, and 'fastmri' is no protocol of CT"):
        score_folders(tmp_path / "ct" / "p", tmp_path / "ct" / "t", "fastmri")


def test_folders_that_cannot_be_scored(folders, tmp_path):
    predictions, targets = folders
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="unknown protocol 'psnr'"):
        score_folders(predictions, targets, "psnr")
    with pytest.raises(InputError, match="against itself"):
        score_folders(predictions, predictions)
    with pytest.raises(InputError, match="none of its 4 files is of the acquisition"):
        score_folders(predictions, targets, selection=Selection("AXT2"))
    with pytest.raises(InputError, match=r"no name in common .0 and 4"):
        score_folders(empty, targets)
    with pytest.raises(InputError, match=r"none of the 4 pairs can be scored; the first: .*has none of the datasets"):
        score_folders(predictions, targets, dataset="truth")
    np.save(predictions / "file1.npy", np.ones((1, 8, 8)))
    with pytest.raises(InputError, match=r"file1.h5 and file1.npy have the same stem"):
        score_folders(predictions, targets)


def test_a_result_is_scored_against_the_reference_that_it_holds(tmp_path):
    values = image(40, 40)
    path = write_prediction(tmp_path / "p" / "a.h5", values, record=record(reference="simulated"))
    with h5py.File(path, "a") as file:
        file["reference"] = values
        made = file["reconstruction"][()]
    found = score_folders(tmp_path / "p", tmp_path / "p", dataset="reference")
    assert found.reference == "simulated"
    assert found.volumes[0].scores == score(made, values)
    assert found.methods == ("spirit",)


def test_folders_within_the_folders_are_part_of_the_names(tmp_path):
    """As a batch writes them; results that lie within the folder of targets are no targets."""
    targets = tmp_path / "targets"
    predictions = targets / "out"
    for place in ("knee", "brain"):
        for folder in (targets, predictions):
            (folder / place).mkdir(parents=True)
        write_target(targets / place / "file1.h5", image(40, 40, seed=len(place)))
        write_prediction(predictions / place / "file1.h5", image(40, 40, seed=len(place)))
    found = score_folders(predictions, targets, "fastmri")
    assert [volume.name for volume in found.volumes] == ["brain/file1", "knee/file1"]
    assert found.is_complete


def test_spread():
    assert Spread.of([1.0, float("nan"), 3.0]) == Spread(2, 2.0, pytest.approx(2**0.5), 1.0, 3.0)
    assert Spread.of([float("nan")]) is None
    assert Spread.of([float("inf"), 1.0]).std is None
