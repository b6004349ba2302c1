"""Folders as fastMRI's: targets with k-space, reference and attributes; reconstructions as its challenge takes them."""

import json
from pathlib import Path

import h5py
import numpy as np
from phantom import head

VERSIONS = {"medrecon": "0.1.0", "torch": "2.11.0"}


def image(height, width, slices=3, seed=0, scale=1e-4):
    noise = np.random.default_rng(seed).standard_normal((slices, height, width))
    return (scale * np.abs(head(slices, height, width) + 0.02 + 0.01 * noise)).astype(np.float32)


def write_target(path: Path, values, *, acquisition="CORPD_FBK", name="reconstruction_rss", coils=2, **attributes):
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        shape = (1, coils, 4, 4) if coils > 1 else (1, 4, 4)
        file["kspace"] = np.ones(shape, np.complex64)
        file[name] = values
        file.attrs["acquisition"] = acquisition
        file.attrs["patient_id"] = "MRN4711"
        file.attrs.update(attributes)
    return path


def write_prediction(path: Path, values, seed=1, noise=0.03, record=None):
    path.parent.mkdir(exist_ok=True)
    error = np.random.default_rng(seed).standard_normal(values.shape) * noise * values.max()
    with h5py.File(path, "w") as file:
        file["reconstruction"] = np.abs(values + error).astype(np.float32)
        if record is not None:
            file.attrs["provenance"] = json.dumps(record)
    return path


def record(method="spirit", reference="combined", protocol="full-range"):
    """The least that a saved result says of itself."""
    scores = {"protocol": protocol, "reference": reference}
    return {"method": method, "versions": VERSIONS, "net_acceleration": 4.0, "scores": scores}
