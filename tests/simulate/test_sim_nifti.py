import h5py
import numpy as np
import pytest
import torch

from medrecon.errors import InputError
from medrecon.simulate.nifti import load_volume, simulate_nifti

nibabel = pytest.importorskip("nibabel")


def head(n=128, slices=6):
    generator = np.random.default_rng(1)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n),) * 2, indexing="ij")
    brain = (np.hypot(y / 0.9, x / 0.65) < 1) * (0.5 + 0.5 * (np.sin(23 * x + 9 * y) > 0) + 0.4 * (y < -0.3))
    return np.stack([brain + 0.01 * np.abs(generator.standard_normal((n, n))) for _ in range(slices)]) * 100


def save(path, array, affine):
    nibabel.save(nibabel.Nifti1Image(array.astype(np.float32), affine), path)
    return path


def zero_filled_columns(volume, lines):
    k = np.fft.fftshift(np.fft.fft2(volume), axes=(1, 2))
    n = volume.shape[2]
    k[:, :, : n // 2 - lines // 2] = 0
    k[:, :, n // 2 + lines // 2 :] = 0
    return np.abs(np.fft.ifft2(np.fft.ifftshift(k, axes=(1, 2))))


def test_zero_filled_volume_is_cropped_and_reported(tmp_path):
    stored = zero_filled_columns(head(), 88)
    # (x, y, z) array in LPS, 1 x 1 x 5 mm
    path = save(tmp_path / "head.nii.gz", stored.transpose(2, 1, 0), np.diag([-1.0, -1.0, 5.0, 1.0]))
    record = simulate_nifti(path, tmp_path / "scan.h5", coils=4, snr=50, seed=3, slices=(1, 4))
    assert record.stored == (128, 128)
    assert abs(record.acquired[1] - 88) <= 4
    assert record.acquired[0] == 128
    assert record.matrix == record.acquired
    assert record.voxel_mm == pytest.approx((1.0, 128 / record.acquired[1]))
    assert record.slice_mm == pytest.approx(5.0)
    assert "acquired" in str(record)
    with h5py.File(tmp_path / "scan.h5") as file:
        assert file["kspace"].shape == (3, 4, 256, record.acquired[1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["head.nii.gz", "scan.h5"]


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_volume_stands_upright_whatever_its_orientation(tmp_path, signs):
    # written in RAS or other: anterior (bright) must come out on top, feet first
    volume = head() * np.linspace(0.5, 1, 6)[:, None, None]
    lps = volume.transpose(2, 1, 0)
    ras_like = lps[:: -signs[0], :: -signs[1], :: signs[2]]
    affine = np.diag([signs[0] * 1.0, signs[1] * 1.0, signs[2] * 4.0, 1.0])
    loaded = load_volume(save(tmp_path / "v.nii", ras_like, affine))
    assert not loaded.was_zero_filled
    np.testing.assert_allclose(loaded.magnitude, volume, rtol=1e-5)


def test_a_volume_without_a_coarse_axis_is_cut_across_its_shortest(tmp_path):
    path = save(tmp_path / "v.nii", head(64, 40).transpose(2, 1, 0), np.eye(4))
    assert load_volume(path).magnitude.shape == (40, 64, 64)


def bad_files(folder):
    good = head(40, 4).transpose(2, 1, 0)
    (folder / "text.nii").write_text("not an image")
    whole = save(folder / "whole.nii.gz", good, np.eye(4)).read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    save(folder / "four.nii", np.stack([good, good], -1), np.eye(4))
    save(folder / "nan.nii", np.where(good > 90, np.nan, good), np.eye(4))
    save(folder / "signed.nii", good - 50, np.eye(4))
    save(folder / "zero.nii", 0 * good, np.eye(4))
    return ["missing.nii", "text.nii", "cut.nii.gz", "four.nii", "nan.nii", "signed.nii", "zero.nii"]


def test_bad_files_are_one_line_and_leave_nothing(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(InputError) as error:
            simulate_nifti(tmp_path / name, tmp_path / "out.h5")
        assert "\n" not in str(error.value), name
    with pytest.raises(InputError, match="select nothing"):
        simulate_nifti(tmp_path / "whole.nii.gz", tmp_path / "out.h5", slices=(9, 12))
    with pytest.raises(InputError, match="folder"):
        simulate_nifti(tmp_path / "whole.nii.gz", tmp_path / "no" / "out.h5")
    assert not list(tmp_path.glob("*.h5"))


def test_same_seed_same_file(tmp_path):
    path = save(tmp_path / "v.nii", head(48, 3).transpose(2, 1, 0), np.diag([1.0, 1.0, 4.0, 1.0]))
    for name in "ab":
        simulate_nifti(path, tmp_path / f"{name}.h5", coils=3, seed=1, slices=(1, 2))
    with h5py.File(tmp_path / "a.h5") as a, h5py.File(tmp_path / "b.h5") as b:
        assert torch.equal(torch.from_numpy(a["kspace"][()]), torch.from_numpy(b["kspace"][()]))
