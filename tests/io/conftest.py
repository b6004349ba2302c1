"""Files laid out as the real ones are, written with h5py alone."""

from pathlib import Path

import h5py
import pytest
from kspace_files import HEADER, LIMITS


@pytest.fixture
def fastmri_file(tmp_path):
    """Write a multi-coil fastMRI file; `limits` is (maximum, centre), `encoded` defaults to the array's size."""

    def write(kspace, recon, limits=None, encoded=None, pixel=(0.5, 0.5), name="file1000001.h5", **extra) -> Path:
        encoded = encoded or kspace.shape[-2:]
        step = "" if limits is None else LIMITS.format(maximum=limits[0], centre=limits[1])
        fov = [n * p for n, p in zip(kspace.shape[-2:], pixel, strict=True)]
        seen = [n * p for n, p in zip(recon, pixel, strict=True)]
        header = HEADER.format(encoded=encoded, fov=fov, recon=recon, seen=seen, limits=step)
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            file["kspace"] = kspace
            file["ismrmrd_header"] = header
            file.attrs.update({"acquisition": "CORPD_FBK", "patient_id": "abc123", "max": 1.0, "norm": 2.0})
            for key, value in extra.items():
                file[key] = value
        return path

    return write


@pytest.fixture
def plain_file(tmp_path):
    """Write a plain HDF5 file: datasets by keyword, attributes as a mapping."""

    def write(attributes=None, name="scan.h5", **arrays) -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, value in arrays.items():
                file[key] = value
            file.attrs.update(attributes or {})
        return path

    return write
