"""fastMRI files as they come: shapes of knee and brain, offsets of lines, what is missing, what was cut off."""

import h5py
import numpy as np
import pytest
import torch
from kspace_files import noise, refusal

import medrecon
from medrecon.io import load
from medrecon.operators import fft2c, ifft2c
from medrecon.scan import Scan

KNEE = {"size": (80, 46), "recon": (40, 40), "limits": (38, 19)}
"""640 x 368 of 320 x 320 with 322 lines around 161, by eight: padding on both sides."""
BRAIN = {"size": (80, 40), "recon": (40, 40), "limits": (39, 20)}
FLAIR = {"size": (80, 27), "recon": (40, 40), "limits": (26, 13)}
"""An odd number of lines, narrower than the image that the header wants."""
SHAPES = {"knee": KNEE, "brain": BRAIN, "FLAIR_203": FLAIR}


def lines_of(width, limits):
    maximum, centre = limits
    left = width // 2 - centre
    return np.arange(width)[max(left, 0) : left + maximum + 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_image_from_a_file_and_from_memory(fastmri_file, shape):
    """Whatever the padding of the file holds."""
    facts = SHAPES[shape]
    height, width = facts["size"]
    covered = np.isin(np.arange(width), lines_of(width, facts["limits"]))
    kspace = noise((2, 3, height, width))
    file = load(fastmri_file(kspace, facts["recon"], limits=facts["limits"]))
    centre = slice(height // 2 - 20, height // 2 + 20)
    wide = torch.from_numpy(kspace * covered)
    cropped = fft2c(ifft2c(wide, (-2,))[:, :, centre], (-2,))
    lattice = torch.from_numpy(covered)[None].expand(40, width).clone()
    crop = (40, min(40, width))
    memory = Scan(cropped, lattice, lattice, ("x",), crop=crop)
    made, expected = (medrecon.reconstruct(scan, "sense").image for scan in (file, memory))
    assert made.shape == (2, *crop)
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_equispaced_lines_from_any_offset(fastmri_file, offset):
    """Their net acceleration counts lines that were encoded; an offset makes no border."""
    lines = lines_of(46, KNEE["limits"])
    mask = np.zeros(46, bool)
    mask[offset::4] = mask[20:26] = True
    stored = noise((2, 3, 80, 46)) * mask
    scan = load(fastmri_file(stored, (40, 40), limits=KNEE["limits"], mask=mask))
    taken = np.isin(np.arange(46), lines) & mask
    assert scan.mask.any(0).tolist() == taken.tolist()
    assert scan.net_acceleration == pytest.approx(len(lines) / taken.sum())


@pytest.mark.parametrize("mask_shape", [(46,), (1, 46), (1, 1, 46, 1)])
def test_single_coil_test_file(fastmri_file, mask_shape):
    mask = np.zeros(46, np.float32)
    mask[::3] = mask[19:27] = 1
    path = fastmri_file(noise((2, 80, 46)) * mask, (40, 40), limits=KNEE["limits"], mask=mask.reshape(mask_shape))
    scan = load(path)
    assert scan.kspace.shape == (2, 1, 40, 46)
    assert not scan.is_fully_sampled


def test_a_slice_that_was_never_filled_stays_empty(fastmri_file):
    kspace = noise((3, 2, 80, 46))
    kspace[2] = 0
    scan = load(fastmri_file(kspace, (40, 40), limits=KNEE["limits"]))
    assert scan.is_fully_sampled
    assert not scan.kspace[2].any()


def test_attributes_and_header_facts_that_are_missing(fastmri_file):
    path = fastmri_file(noise((2, 3, 80, 46)), (40, 40), limits=KNEE["limits"])
    with h5py.File(path, "r+") as file:
        for name in list(file.attrs):
            del file.attrs[name]
        xml = file["ismrmrd_header"][()].decode()
        for part in ("sequenceParameters", "acquisitionSystemInformation", "encodingLimits"):
            start, end = xml.index(f"<{part}>"), xml.index(f"</{part}>") + len(part) + 3
            xml = xml[:start] + xml[end:]
        while "<fieldOfView_mm>" in xml:
            start, end = xml.index("<fieldOfView_mm>"), xml.index("</fieldOfView_mm>") + 17
            xml = xml[:start] + xml[end:]
        del file["ismrmrd_header"]
        file["ismrmrd_header"] = xml
    scan = load(path)
    assert (scan.voxel_mm, scan.slice_mm) == (None, None)
    assert scan.header == {"format": "fastMRI HDF5", "trajectory": "cartesian"}
    assert scan.acquired_matrix == (40, 46)


def test_partial_files(fastmri_file):
    path = fastmri_file(noise((2, 3, 80, 46)), (40, 40), limits=KNEE["limits"])
    data = path.read_bytes()
    for kept in (len(data) // 2, len(data) - 9, 1000, 0):
        path.write_bytes(data[:kept])
        assert "expected" in refusal(path)
    path.write_bytes(data)
    with h5py.File(path, "r+") as file:
        del file["kspace"]
    assert "no dataset 'kspace'" in refusal(path)


def test_slices_that_the_scanner_did_not_finish(fastmri_file):
    kspace = noise((2, 3, 80, 46))
    kspace[1, ..., 20:] = 0
    assert "slice 1 is sampled at other points" in refusal(fastmri_file(kspace, (40, 40)))
