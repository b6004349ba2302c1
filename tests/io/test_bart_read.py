"""BART's cfl/hdr, written here from its layout: complex64, columns first, 16 dimensions."""

import numpy as np
import pytest
import torch
from kspace_files import refusal
from raw_scans import noise

from medrecon.io import describe, load
from medrecon.operators import ifft2c

KSPACE = noise((3, 4, 20, 15))
"""(slice, coil, readout, phase)."""


def write_cfl(path, array, axes):
    """`array`, whose axes have these numbers in BART's list."""
    dims = [1] * 16
    for axis, n in zip(axes, array.shape, strict=True):
        dims[axis] = n
    order = np.argsort(axes)
    path.with_suffix(".cfl").write_bytes(np.asfortranarray(array.transpose(order), np.complex64).tobytes(order="F"))
    words = " ".join(map(str, dims))
    path.with_suffix(".hdr").write_text(f"# Dimensions\n{words} \n# Command\nphantom /home/roe/k \n# Creator\nBART\n")
    return path


@pytest.mark.parametrize("name", ["k", "k.cfl", "k.hdr"])
def test_slices_and_coils_find_their_axes(tmp_path, name):
    write_cfl(tmp_path / "k", KSPACE, (13, 3, 0, 1))
    scan = load(tmp_path / name)
    np.testing.assert_array_equal(scan.kspace, KSPACE)
    assert (scan.phase_axes, scan.is_fully_sampled, scan.name) == (("x",), True, "k")
    assert "roe" not in str(describe(scan)).lower()


def test_one_coil_and_one_slice(tmp_path):
    scan = load(write_cfl(tmp_path / "k", KSPACE[0, 0], (0, 1)))
    assert scan.kspace.shape == (1, 1, 20, 15)


def test_missing_lines(tmp_path):
    kept = np.zeros(15, bool)
    kept[[1, 3, 5, 6, 7, 8, 9, 11, 13]] = True
    scan = load(write_cfl(tmp_path / "k", KSPACE * kept, (13, 3, 0, 1)))
    assert torch.equal(scan.mask.any(0), torch.from_numpy(kept))


def test_averages(tmp_path):
    array = np.stack([KSPACE + 1, KSPACE - 1, 0 * KSPACE])
    scan = load(write_cfl(tmp_path / "k", array, (14, 13, 3, 0, 1)))
    np.testing.assert_allclose(scan.kspace, KSPACE, atol=1e-6)


def test_three_dimensions(tmp_path):
    volume = torch.from_numpy(noise((4, 6, 20, 15)))  # (coil, partition, readout, phase)
    scan = load(write_cfl(tmp_path / "k", volume.numpy(), (3, 2, 0, 1)))
    whole = ifft2c(volume, (1, 2, 3)).transpose(0, 1)
    assert torch.allclose(ifft2c(scan.kspace), whole, atol=1e-5)


def test_damage_and_what_is_no_kspace(tmp_path):
    path = write_cfl(tmp_path / "k", KSPACE, (13, 3, 0, 1))
    cfl, hdr = tmp_path / "k.cfl", tmp_path / "k.hdr"
    assert "one volume" in refusal(path, pick={"contrast": 1})
    data = cfl.read_bytes()
    cfl.write_bytes(data[:-8])
    assert "its header asks for" in refusal(path)
    hdr.write_text("# Dimensions\n20 15 x\n")
    assert "no line of dimensions" in refusal(path)
    hdr.unlink()
    assert "k.hdr: no such file" in refusal(cfl)
    assert "coil maps?" in refusal(write_cfl(tmp_path / "m", KSPACE, (4, 3, 0, 1)))
    assert "dimension 10 (TIME) has 3 entries" in refusal(write_cfl(tmp_path / "t", KSPACE, (10, 3, 0, 1)))
    assert "non-Cartesian" in refusal(write_cfl(tmp_path / "r", KSPACE[0], (3, 1, 2)))
    assert "zero everywhere" in refusal(write_cfl(tmp_path / "z", 0 * KSPACE, (13, 3, 0, 1)))
    for value in (np.inf, np.nan):
        broken = KSPACE.copy()
        broken[0, 0, 0, 0] = value
        assert "NaN or infinite" in refusal(write_cfl(tmp_path / "n", broken, (13, 3, 0, 1)))
    other = KSPACE.copy()
    other[1, ..., 5:] = 0
    assert "sampled at other points" in refusal(write_cfl(tmp_path / "o", other, (13, 3, 0, 1)))
