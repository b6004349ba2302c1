"""What a folder holds: volumes, packs, measured k-space; and what is left out of it, with the reason."""

import h5py
import numpy as np
import pytest
import torch
from phantom import head

from medrecon.bench.conditions import Condition
from medrecon.bench.sources import Measured, Volume, sources
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.scan import Scan

CONDITION = Condition("head", 4, 40.0, 2, "random", 2.0, 0)


def volume(name: str) -> TrainingVolume:
    return TrainingVolume(torch.from_numpy(head(8, 48, 40)).float(), (5.0, 2.0, 2.0), "nobody", name)


def kspace(path, scan: Scan, every: int = 1):
    lines = np.arange(scan.matrix[1]) % every == 0
    lines[20:36] = True
    with h5py.File(path, "w") as file:
        file["kspace"] = scan.kspace.numpy() * lines
        file.attrs["phase_axes"] = "x"
        if every > 1:
            file["mask"] = lines
    return path


def test_pack_gives_one_source_a_volume(tmp_path) -> None:
    write_pack(tmp_path / "pack.h5", [volume("a"), volume("b")])
    found, left_out = sources(tmp_path / "pack.h5")
    assert [source.name for source in found] == ["a", "b"]
    assert not left_out
    scan = found[0].scan(CONDITION)
    assert (scan.n_slices, scan.n_coils, scan.name) == (2, 4, "a")
    assert scan.truth is not None


def test_neighbours_are_other_slices_of_the_same_head() -> None:
    source = Volume("a", lambda: volume("a"))
    scan, beside = source.scan(CONDITION), source.neighbours(CONDITION)
    assert scan.kspace.shape == beside.kspace.shape
    assert not torch.equal(scan.truth, beside.truth)


def test_folder_of_kspace_leaves_undersampled_files_out(tmp_path, full_scan) -> None:
    kspace(tmp_path / "full.h5", full_scan)
    kspace(tmp_path / "under.h5", full_scan, every=2)
    found, left_out = sources(tmp_path)
    assert [type(source) for source in found] == [Measured]
    assert (found[0].coils, found[0].has_neighbours) == (4, True)
    assert len(left_out) == 1
    assert "under.h5 is undersampled" in left_out[0]
    condition = Condition("full", 4, None, 2, "random", 2.0, 0)
    scan, beside = found[0].scan(condition), found[0].neighbours(condition)
    assert scan.n_slices == 2
    assert torch.equal(scan.kspace[1], full_scan.kspace[2])
    assert torch.equal(beside.kspace[0], full_scan.kspace[1])


def test_one_nifti_volume(tmp_path) -> None:
    import nibabel

    path = tmp_path / "brain.nii.gz"
    nibabel.save(nibabel.Nifti1Image(head(6, 64, 56).astype(np.float32).T, np.diag([2.0, 2.0, 5.0, 1.0])), path)
    (source,), _ = sources(path)
    assert (source.name, source.coils) == ("brain", None)
    assert source.scan(CONDITION).n_slices == 2


def test_bad_input_is_one_line(tmp_path, full_scan) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.h5").write_text("no HDF5")
    cases = {
        tmp_path / "none": "no such file",
        tmp_path / "empty": "holds no NIfTI volume",
        tmp_path / "text.h5": "cannot be read as HDF5",
        kspace(tmp_path / "under.h5", full_scan, every=2): "is undersampled",
    }
    for path, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            sources(path)
        assert "\n" not in str(caught.value)


def test_scans_are_made_once_for_all_masks(tmp_path, full_scan) -> None:
    """And never confused: another number of slices, of coils or another file is another scan."""
    from dataclasses import replace

    source = Volume("a", lambda: volume("a"))
    first = source.scan(CONDITION)
    assert source.scan(replace(CONDITION, accel=4.0, mask="equispaced", seed=3)) is first
    assert source.scan(replace(CONDITION, coils=8)).n_coils == 8
    assert source.scan(replace(CONDITION, slices=3)).n_slices == 3
    assert source.scan(replace(CONDITION, snr=10.0)).header["snr"] == 10
    other = Volume("b", lambda: volume("b"))
    assert other.scan(CONDITION).name == "b"
    (raw,), _ = sources(kspace(tmp_path / "full.h5", full_scan))
    one, two = (raw.scan(Condition("full", 4, None, n, "random", 2.0, 0)).n_slices for n in (1, 2))
    assert (one, two) == (1, 2)
