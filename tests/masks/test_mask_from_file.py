"""Masks from .npy, .mat (both versions) and .h5."""

import h5py
import numpy as np
import pytest
import torch
from lattices import lattice_scan
from scipy.io import savemat

from medrecon.errors import InputError
from medrecon.masks import mask_from_file

SHAPE = (9, 6)


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE) < 0.4


def write(path, array, key="mask"):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.name == "old.mat":
        savemat(path, {key: array})
    elif path.suffix == ".mat":
        with h5py.File(path, "w") as file:  # MATLAB 7.3: columns first, class as attribute
            file.create_dataset(key, data=np.asarray(array, dtype=np.uint8).T).attrs["MATLAB_class"] = np.bytes_(
                "logical"
            )
    else:
        with h5py.File(path, "w") as file:
            file[key] = array
    return path


NAMES = ["m.npy", "old.mat", "new.mat", "m.h5"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32, np.complex64])
def test_reads_whole_masks(tmp_path, array, name, dtype):
    mask = mask_from_file(
        write(tmp_path / name, array.astype(dtype if name != "new.mat" else bool)), lattice_scan(*SHAPE)
    )
    assert mask.dtype == torch.bool
    assert np.array_equal(mask.numpy(), array)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("axis", "n"), [("y", 9), ("x", 6)])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1)])
def test_reads_one_value_a_line(tmp_path, name, axis, n, shape):
    lines = np.arange(n) % 3 == 0
    mask = mask_from_file(write(tmp_path / name, lines.reshape(shape)), lattice_scan(*SHAPE, (axis,)))
    expected = np.broadcast_to(lines[:, None] if axis == "y" else lines[None, :], SHAPE)
    assert np.array_equal(mask.numpy(), expected)


def test_serves_undersample(tmp_path, array):
    scan = lattice_scan(*SHAPE)
    mask = mask_from_file(write(tmp_path / "m.npy", array), scan)
    assert torch.equal(scan.undersample(mask).mask, mask)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_shape_is_refused(tmp_path, array, name):
    path = write(tmp_path / name, array.T)
    with pytest.raises(
        InputError, match=r"has shape \(6, 9\); expected \(9, 6\) \(y, x\) or \(9,\), one value a line along y"
    ):
        mask_from_file(path, lattice_scan(*SHAPE))
    with pytest.raises(InputError, match=r"expected \(9, 6\) \(y, x\)$"):
        mask_from_file(write(tmp_path / name, array[:, 0]), lattice_scan(*SHAPE, ("y", "x")))


@pytest.mark.parametrize("name", NAMES[1:])
def test_missing_key_is_refused(tmp_path, array, name):
    with pytest.raises(InputError, match="holds no array 'mask'"):
        mask_from_file(write(tmp_path / name, array, key="other"), lattice_scan(*SHAPE))


def test_other_bad_input_is_refused(tmp_path, array):
    scan = lattice_scan(*SHAPE)
    with pytest.raises(InputError, match="does not exist"):
        mask_from_file(tmp_path / "none.npy", scan)
    with pytest.raises(InputError, match="values other than 0 and 1"):
        mask_from_file(write(tmp_path / "a.npy", array * 0.5), scan)
    with pytest.raises(InputError, match="values other than 0 and 1"):
        mask_from_file(write(tmp_path / "b.npy", np.where(array, np.nan, 1)), scan)
    with pytest.raises(InputError, match="samples no acquired point"):
        mask_from_file(write(tmp_path / "c.npy", np.zeros(SHAPE)), scan)
    (tmp_path / "m.txt").write_text("1 0")
    with pytest.raises(InputError, match="of no known kind"):
        mask_from_file(tmp_path / "m.txt", scan)
    for name in ("broken.npy", "broken.h5", "broken.mat"):
        (tmp_path / name).write_bytes(b"not a mask at all")
        with pytest.raises(InputError, match="cannot be read"):
            mask_from_file(tmp_path / name, scan)
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        mask_from_file(tmp_path / "object.npy", scan)
