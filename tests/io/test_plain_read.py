"""Plain files: axes, attributes, and every bad input in one line."""

import h5py
import numpy as np
import pytest
import torch
from kspace_files import noise, refusal

from medrecon.errors import InputError
from medrecon.io import load

ATTRIBUTES = {"axes": "slice, coil, y (phase), x (readout)", "phase_axes": "y", "fov_mm": [256.0, 192.0]}


def test_attributes_are_honoured(plain_file):
    kspace = noise((2, 4, 16, 12))
    scan = load(plain_file({**ATTRIBUTES, "slice_mm": 5.0, "sequence": "FLASH", "patient_id": "x"}, kspace=kspace))
    np.testing.assert_array_equal(scan.kspace, kspace)
    assert (scan.voxel_mm, scan.slice_mm, scan.phase_axes) == ((16, 16), 5, ("y",))
    assert scan.crop is None
    assert dict(scan.header) == {"format": "plain HDF5", "sequence": "FLASH"}
    assert scan.is_fully_sampled


def test_axes_of_three(plain_file, tmp_path):
    array = noise((3, 16, 12))
    np.save(tmp_path / "a.npy", array)
    assert load(tmp_path / "a.npy").kspace.shape == (1, 3, 16, 12)
    assert load(plain_file(kspace=array)).kspace.shape == (1, 3, 16, 12)
    assert load(plain_file({"coils": 1}, kspace=array)).kspace.shape == (3, 1, 16, 12)
    assert load(plain_file({"axes": "slice, y, x"}, kspace=array)).kspace.shape == (3, 1, 16, 12)


def test_named_axes_in_any_order(plain_file):
    kspace = noise((2, 4, 16, 12))
    scan = load(plain_file({"axes": "coil x y slice"}, kspace=kspace.transpose(1, 3, 2, 0)))
    np.testing.assert_array_equal(scan.kspace, kspace)


def test_npy_and_double_precision(tmp_path):
    array = noise((2, 3, 8, 9)).astype(np.complex128)
    np.save(tmp_path / "a.npy", array)
    scan = load(tmp_path / "a.npy")
    assert scan.kspace.dtype == torch.complex64
    assert scan.voxel_mm is None
    np.testing.assert_allclose(scan.kspace, array, rtol=1e-6)


def test_extras(plain_file):
    kspace, truth = noise((1, 2, 16, 12)), np.ones((1, 16, 12))
    mask = np.arange(16) % 3 == 0
    scan = load(plain_file({"phase_axes": "y"}, kspace=kspace, mask=mask, noise=noise((2, 99)), truth=truth))
    assert torch.equal(scan.mask, torch.from_numpy(mask)[:, None].expand(16, 12))
    assert not scan.kspace[..., 1, :].any()
    assert scan.noise is not None
    assert scan.noise.shape == (2, 99)
    assert scan.truth is not None


def test_a_lattice_of_the_file_wins(plain_file):
    kspace = noise((1, 2, 16, 12))
    kspace[..., [0, 1, 4, 9, 13, 14, 15], :] = 0
    lattice = np.ones(16, bool)
    lattice[:2] = False
    scan = load(plain_file({"phase_axes": "y"}, kspace=kspace, lattice=lattice))
    assert scan.acquired_matrix == (14, 12)


@pytest.mark.parametrize("axis", ["y", "x"])
def test_phase_axis_follows_missing_lines(plain_file, axis):
    mask = np.zeros(24, bool)
    mask[[1, 5, 9, 10, 11, 12, 13, 14, 18, 21]] = True
    mask = mask[:, None] if axis == "y" else mask[None]
    scan = load(plain_file(kspace=noise((2, 2, 24, 24)) * mask))
    assert scan.phase_axes == (axis,)
    assert torch.equal(scan.mask, torch.from_numpy(np.broadcast_to(mask, (24, 24)).copy()))
    assert scan.net_acceleration == pytest.approx(2.4)


def test_slices_with_masks_of_their_own_are_refused(plain_file):
    kspace = noise((2, 2, 24, 24))
    kspace[0, :, ::2] = 0
    with pytest.raises(InputError, match="slice 0"):
        load(plain_file(kspace=kspace))


def test_an_empty_slice_does_not_spoil_the_volume(plain_file):
    kspace = noise((3, 2, 24, 24))
    kspace[0] = 0
    assert load(plain_file(kspace=kspace)).is_fully_sampled


GOOD = noise((1, 2, 8, 8))
NAN = GOOD.copy()
NAN[0, 0, 0, 0] = np.nan
INF = GOOD.astype(np.complex128) * 1e60


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (NAN, "NaN"),
        (INF, "infinite"),
        (np.abs(GOOD), "dtype float32"),
        (np.ones(8, np.complex64), "4 axes"),
        (np.ones((8, 8), np.complex64), "4 axes"),
        (np.ones((1, 1, 2, 8, 8), np.complex64), "4 axes"),
        (np.ones((1, 0, 8, 8), np.complex64), "empty"),
        (np.complex64(1), "4 axes"),
        (np.zeros((1, 2, 8, 8), np.complex64), "zero everywhere"),
    ],
)
@pytest.mark.parametrize("kind", ["h5", "npy"])
def test_bad_arrays(plain_file, tmp_path, array, says, kind):
    if kind == "h5":
        path = plain_file(kspace=array)
    else:
        path = tmp_path / "bad.npy"
        np.save(path, array)
    assert says in refusal(path)


def test_bad_files(plain_file, tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("k-space, honestly")
    empty = tmp_path / "empty.npy"
    empty.write_bytes(b"")
    cut = tmp_path / "cut.npy"
    np.save(cut, GOOD)
    cut.write_bytes(cut.read_bytes()[:-40])
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    whole = plain_file(kspace=noise((2, 4, 64, 64)))
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert "no such file" in refusal(tmp_path / "missing.h5")
    assert "folder" in refusal(tmp_path)
    assert "neither HDF5 nor .npy" in refusal(text)
    assert "neither HDF5 nor .npy" in refusal(empty)
    assert "broken .npy" in refusal(cut)
    assert "broken .npy" in refusal(objects)
    assert "cannot be read" in refusal(truncated)
    assert "no dataset 'kspace'" in refusal(plain_file(image=GOOD))


def test_kspace_that_is_a_group(tmp_path):
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.create_group("kspace")
    assert "no dataset 'kspace'" in refusal(tmp_path / "g.h5")


def test_damaged_chunk(tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        stored = file.create_dataset("kspace", data=noise((1, 2, 32, 32)), chunks=(1, 1, 32, 32), compression="gzip")
        where = stored.id.get_chunk_info(0).byte_offset
    raw = bytearray((tmp_path / "d.h5").read_bytes())
    raw[where : where + 64] = bytes(64)
    (tmp_path / "d.h5").write_bytes(raw)
    assert "cannot be read" in refusal(tmp_path / "d.h5")


@pytest.mark.parametrize(
    "attributes",
    [{"phase_axes": "z"}, {"fov_mm": [-1.0, 2.0]}, {"fov_mm": "wide"}, {"fov_mm": 200.0}, {"axes": "y, x"}],
)
def test_bad_attributes(plain_file, attributes):
    assert next(iter(attributes)) in refusal(plain_file(attributes, kspace=GOOD))
