"""3-D volumes become slices that are 2-D problems: the same image as the transform of the whole volume."""

import numpy as np
import pytest
import torch
from kspace_files import centred_ifft, refusal
from raw_scans import NORMAL, PHASE, READ, Mrd, noise

from medrecon.errors import InputError
from medrecon.io import load
from medrecon.operators import ifft2c

VOLUME = noise((2, 6, 16, 10))
"""(coil, partition, readout, phase); 4 of 6 partitions are shown, 8 of 16 points of the readout."""


def made_of(volume, points=None, **changes):
    facts = {
        "encoded": (16, 10, 6), "encoded_mm": (32.0, 15.0, 18.0), "recon": (8, 10, 4), "recon_mm": (16.0, 15.0, 12.0),
        "limits": (0, 9, 5), "limits_2": (0, 5, 3),
    }  # fmt: skip
    made = Mrd(**(facts | changes))
    for z in range(volume.shape[1]):
        for y in range(volume.shape[3]):
            if points is None or points[z, y]:
                made.add(volume[:, z, :, y], line=y, partition=z)
    return made


def image_of(volume):
    """(coil, partition, readout, phase), cropped to what is shown."""
    return centred_ifft(volume, (1, 2, 3))[:, 1:5, 4:12]


@pytest.mark.parametrize("lines", [range(10), [0, 2, 4, 5, 6, 8]])
def test_whole_partitions_become_slices(tmp_path, lines):
    points = np.zeros((6, 10), bool)
    points[:, list(lines)] = True
    scan = load(made_of(VOLUME, points).write(tmp_path / "a.h5"))
    assert scan.kspace.shape == (4, 2, 8, 10)
    assert scan.phase_axes == ("x",)
    assert scan.mask.any(0).nonzero().flatten().tolist() == list(lines)
    expected = image_of(VOLUME * points[None, :, None, :])
    np.testing.assert_allclose(ifft2c(scan.kspace), expected.transpose(1, 0, 2, 3), atol=3e-5)
    assert (scan.voxel_mm, scan.slice_mm) == ((2.0, 1.5), 3.0)
    centre = (scan.affine @ [2, 4, 5, 1])[:3]
    assert centre == pytest.approx([10, -20, 30], abs=1e-4)
    assert pytest.approx(np.stack([3 * NORMAL, 2 * READ, 1.5 * PHASE]), abs=1e-5) == scan.affine[:3, :3].T


def test_missing_partitions_make_the_readout_slices(tmp_path):
    points = np.random.default_rng(1).random((6, 10)) < 0.6
    points[2:5, 4:7] = True
    scan = load(made_of(VOLUME, points).write(tmp_path / "a.h5"))
    assert scan.kspace.shape == (8, 2, 6, 10)
    assert scan.phase_axes == ("y", "x")
    assert torch.equal(scan.mask, torch.from_numpy(points))
    assert scan.lattice.all()
    assert scan.crop == (4, 10)
    cropped = ifft2c(scan.kspace)[:, :, 1:5]
    np.testing.assert_allclose(cropped, image_of(VOLUME * points[None, :, None, :]).transpose(2, 0, 1, 3), atol=3e-5)
    assert (scan.voxel_mm, scan.slice_mm) == ((3.0, 1.5), 2.0)
    assert (scan.affine @ [4, 3, 5, 1])[:3] == pytest.approx([10, -20, 30], abs=1e-4)
    assert pytest.approx(np.stack([2 * READ, 3 * NORMAL, 1.5 * PHASE]), abs=1e-5) == scan.affine[:3, :3].T


def test_an_elliptical_shutter_is_no_acceleration(tmp_path):
    z, y = np.mgrid[-3:3, -5:5]
    points = (z / 3) ** 2 + (y / 5) ** 2 <= 1
    scan = load(made_of(VOLUME, points).write(tmp_path / "a.h5"))
    assert scan.is_fully_sampled
    assert scan.net_acceleration == 1


def test_partial_fourier_along_the_partitions(tmp_path):
    points = np.ones((6, 10), bool)
    points[4:] = False
    scan = load(made_of(VOLUME, points, limits_2=(0, 3, 3)).write(tmp_path / "a.h5"))
    assert scan.phase_axes == ("y", "x")
    assert scan.is_fully_sampled
    assert scan.lattice.any(1).tolist() == [True] * 4 + [False] * 2


def test_white_noise_stays_white(tmp_path):
    points = np.ones((6, 10), bool)
    for holes in (False, True):
        points[0, 0] = not holes
        scan = load(made_of(noise((8, 6, 16, 10), 3), points).write(tmp_path / f"{holes}.h5"))
        samples = torch.view_as_real(scan.kspace[..., scan.mask])
        assert float(samples.var()) == pytest.approx(1, abs=0.06)


def test_several_slabs_are_refused(tmp_path):
    made = made_of(VOLUME)
    made.add(VOLUME[:, 0, :, 0], slice=1)
    with pytest.raises(InputError, match="sampled at other points"):
        load(made.write(tmp_path / "a.h5"))
    for z in range(6):
        for y in range(10):
            made.add(VOLUME[:, z, :, y], line=y, partition=z, slice=1)
    with pytest.raises(InputError, match="2 slabs of 6 partitions"):
        load(made.write(tmp_path / "b.h5"))


def test_readouts_that_all_lie_outside_the_limits(tmp_path):
    points = np.zeros((6, 10), bool)
    points[0, :3] = True
    assert "within the encoding limits" in refusal(made_of(VOLUME, points, limits_2=(2, 5, 3)).write(tmp_path / "a.h5"))
