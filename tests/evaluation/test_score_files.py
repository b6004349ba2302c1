"""Files in, scores out."""

import h5py
import nibabel as nib
import numpy as np
import pytest
from phantom import head

from medrecon.errors import InputError
from medrecon.evaluation import score, score_files


@pytest.fixture
def volumes():
    t = (head() + 0.01).astype(np.float32)
    return t * np.float32(0.9), t


def h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


@pytest.mark.parametrize("name", ["reconstruction", "truth", "reconstruction_rss", "reference"])
def test_datasets_of_the_target(tmp_path, volumes, name):
    p, t = volumes
    pred = h5(tmp_path / "p.h5", reconstruction=p, reference=0 * t)
    target = h5(tmp_path / "t.h5", **{name: t})
    for protocol in ("full-range", "fastmri"):
        assert score_files(pred, target, protocol) == score(p, t, protocol)


def test_npy_and_nifti(tmp_path, volumes):
    p, t = volumes
    np.save(tmp_path / "p.npy", p)
    nib.save(nib.Nifti1Image(t.T, np.eye(4)), tmp_path / "t.nii.gz")
    assert score_files(tmp_path / "p.npy", tmp_path / "t.nii.gz") == score(p, t)


def test_bad_files_are_refused(tmp_path, volumes):
    p, t = volumes
    np.save(tmp_path / "p.npy", p)
    with pytest.raises(InputError, match="no such file"):
        score_files(tmp_path / "none.h5", tmp_path / "p.npy")
    with pytest.raises(InputError, match="none of the datasets reconstruction;"):
        score_files(h5(tmp_path / "k.h5", reference=t), tmp_path / "p.npy")
    with pytest.raises(InputError, match="but the reference"):
        score_files(h5(tmp_path / "s.h5", reconstruction=p[:2]), tmp_path / "p.npy")
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(InputError, match="neither HDF5 nor"):
        score_files(tmp_path / "text.npy", tmp_path / "p.npy")
