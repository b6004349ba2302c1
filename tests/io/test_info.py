"""`describe`: the facts of a scan, and what is unknown said to be so."""

import json

import numpy as np
import pytest
from kspace_files import noise

from medrecon.io import describe, load


def test_fully_sampled_fastmri_file(fastmri_file):
    path = fastmri_file(
        noise((2, 3, 64, 40)), (32, 30), limits=(35, 18), pixel=(0.7, 0.9), noise_prescan=noise((3, 400))
    )
    info = describe(load(path))
    assert (info.coils, info.slices, info.matrix, info.acquired_matrix) == (3, 2, (32, 40), (32, 36))
    assert info.output_matrix == (32, 30)
    assert info.fully_sampled
    assert info.mask is None
    assert info.net_acceleration == 1
    assert info.noise == pytest.approx(1, abs=0.1)
    assert "prescan" in info.noise_source
    assert json.loads(json.dumps(info.as_dict()))["matrix"] == [32, 40]


def test_undersampled_lines_without_geometry(plain_file):
    mask = np.zeros(48, bool)
    mask[18:30] = mask[::6] = True
    info = describe(load(plain_file(kspace=noise((1, 4, 48, 32)) * mask[:, None])))
    text = str(info)
    assert info.mask == f"1-D along y, {mask.sum()} of 48 lines"
    assert info.acs == (13, 32)
    assert info.net_acceleration == pytest.approx(48 / mask.sum())
    assert "voxel             unknown" in text
    assert "undersampled" in text


def test_undersampled_points(plain_file):
    mask = np.random.default_rng(0).random((40, 40)) < 0.3
    mask[14:27, 14:27] = True
    info = describe(load(plain_file(kspace=noise((1, 4, 40, 40)) * mask)))
    assert info.phase_axes == ("y", "x")
    assert info.mask == f"2-D, {mask.sum()} of 1600 points"
    assert min(info.acs) >= 12
