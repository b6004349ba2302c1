"""MATLAB files of v5 and v7.3: the variable, its axes, and what stands beside it."""

import h5py
import numpy as np
import pytest
import torch
from kspace_files import refusal
from raw_scans import noise
from scipy.io import savemat

from medrecon.errors import InputError
from medrecon.io import load

KSPACE = noise((3, 4, 20, 15))
MATLAB = KSPACE.transpose(2, 3, 1, 0)
"""(y, x, coil, slice)."""


def save_v73(path, variables):
    """As MATLAB does: a user block, axes in reverse, complex numbers as pairs, characters as numbers."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if isinstance(value, str):
                file[name] = np.array([[ord(c)] for c in value], np.uint16)
                file[name].attrs["MATLAB_class"] = np.bytes_("char")
                continue
            array = np.atleast_2d(np.asarray(value)).T
            if array.dtype.kind == "c":
                pairs = np.empty(array.shape, [("real", "<f4"), ("imag", "<f4")])
                pairs["real"], pairs["imag"] = array.real, array.imag
                array = pairs
            file[name] = array
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\x02IM")
    return path


def save_v5(path, variables):
    savemat(path, variables)
    return path


@pytest.fixture(params=[save_v5, save_v73], ids=["v5", "v7.3"])
def save(request, tmp_path):
    return lambda variables, name="scan.mat": request.param(tmp_path / name, variables)


def test_axes_as_matlab_has_them(save):
    np.testing.assert_array_equal(load(save({"kspace": MATLAB})).kspace, KSPACE)
    np.testing.assert_array_equal(load(save({"kspace": MATLAB[..., 0]})).kspace, KSPACE[:1])
    named = {"kspace": KSPACE, "axes": "slice coil y x"}
    np.testing.assert_array_equal(load(save(named)).kspace, KSPACE)


def test_what_stands_beside_it(save):
    mask = np.zeros((20, 15))
    mask[:, ::2] = mask[:, 5:9] = 1
    facts = {"mask": mask, "fov_mm": [240.0, 180.0], "slice_mm": 5.0, "phase_axes": "x"}
    scan = load(save({"kspace": MATLAB, **facts}))
    assert torch.equal(scan.mask, torch.from_numpy(mask > 0))
    assert (scan.voxel_mm, scan.slice_mm, scan.phase_axes) == ((12.0, 12.0), 5.0, ("x",))
    assert scan.header["format"] == "MATLAB"


def test_the_variable(save):
    others = {"patient": "Jane Roe", "ref": np.ones((20, 15))}
    np.testing.assert_array_equal(load(save({"raw": MATLAB, **others})).kspace, KSPACE)
    both = save({"a": MATLAB, "b": 2 * MATLAB, **others})
    assert "2 that may be k-space (a, b)" in refusal(both)
    np.testing.assert_array_equal(load(both, pick={"variable": "b"}).kspace, 2 * KSPACE)
    assert "no variable 'c'" in refusal(both, pick={"variable": "c"})
    assert "none of them complex" in refusal(save(others))
    assert "expected complex64" in refusal(save({"kspace": MATLAB.real}))
    assert "cannot pick by 'echo'" in refusal(both, pick={"echo": 1})


def test_texts_where_numbers_are_expected(save):
    assert "dtype <U" in refusal(save({"kspace": MATLAB, "note": "x"}), pick={"variable": "note"})
    assert "dtype <U" in refusal(save({"kspace": "none"}))
    assert "'mask' holds no numbers" in refusal(save({"kspace": MATLAB, "mask": "all"}))
    assert "'fov_mm'" in refusal(save({"kspace": MATLAB, "fov_mm": "wide"}))


def test_damage(save):
    path = save({"kspace": MATLAB})
    data = path.read_bytes()
    for kept in (len(data) // 2, 600, 130):
        path.write_bytes(data[:kept])
        assert "read" in refusal(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_what_scipy_writes_is_read_as_scipy_reads_it(tmp_path, compressed):
    from scipy.io import loadmat

    from medrecon.io.mat5 import read_mat5

    variables = {
        "a": noise((3, 4, 5)), "b": noise((2, 7)).astype(np.complex128), "c": np.arange(6, dtype="i2").reshape(2, 3),
        "d": 2.5, "e": "some text", "f": np.ones((3, 3)) > 0, "g": {"inner": 1}, "h": np.zeros((0, 3)), "ab": [1, 2, 3],
    }  # fmt: skip
    savemat(tmp_path / "a.mat", variables, do_compression=compressed)
    expected, found = loadmat(tmp_path / "a.mat"), read_mat5(tmp_path / "a.mat")
    assert set(found) == set(variables) - {"g"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_random_damage_ends_in_one_line_or_in_an_array(tmp_path):
    said = []
    rng = np.random.default_rng(0)
    savemat(tmp_path / "a.mat", {"kspace": MATLAB, "fov_mm": [1.0, 2.0]})
    data = np.frombuffer((tmp_path / "a.mat").read_bytes(), np.uint8)
    for _ in range(60):
        broken = data.copy()
        broken[rng.integers(0, 300, 4)] = rng.integers(0, 256, 4)
        (tmp_path / "b.mat").write_bytes(broken.tobytes())
        try:
            load(tmp_path / "b.mat")
        except InputError as error:
            said.append(str(error))
    assert len(said) > 20
    assert not [line for line in said if "\n" in line]
