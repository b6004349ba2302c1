"""Training volumes in one HDF5 file, or straight from a folder of NIfTI files."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from medrecon.atomic import whole_file
from medrecon.datasets.volume import TrainingVolume, subject_of
from medrecon.errors import InputError
from medrecon.simulate.acquired import acquired_matrix, fourier_crop

LEVELS = 1023
"""Grey levels of a packed volume, spaced like its square root: finer than any scan's noise."""


COMPRESSION = {"shuffle": True, "compression": "gzip", "compression_opts": 9}


def training_volumes(path: Path) -> list[TrainingVolume]:
    """Every volume of a pack (.h5) or of a folder of NIfTI files, Fourier-cropped to its acquired matrix."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.name.endswith((".nii", ".nii.gz")))
        if not files:
            raise InputError(
                f"no NIfTI file (.nii, .nii.gz) in {path}; give a folder of magnitude volumes, or a pack (.h5)"
            )
        return [_from_nifti(p) for p in files]
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a folder of NIfTI volumes, or a pack (.h5)")
    return read_pack(path)


def normalised(values: NDArray, voxel_mm: tuple[float, float, float], name: str) -> TrainingVolume:
    """A `(slice, y, x)` magnitude volume at its acquired matrix, its 99.9th percentile at 1."""
    values = np.asarray(values, np.float32)
    matrix = acquired_matrix(values)
    stored = values.shape[1:]
    values = fourier_crop(values, matrix).astype(np.float32)
    voxel = (voxel_mm[0], voxel_mm[1] * stored[0] / matrix[0], voxel_mm[2] * stored[1] / matrix[1])
    peak = max(float(np.percentile(values, 99.9)), 1e-12)
    return TrainingVolume(torch.from_numpy(values / peak), voxel, subject_of(name), name)


def write_pack(path: Path, volumes: list[TrainingVolume]) -> None:
    """Store volumes in `LEVELS` grey levels; the file appears whole or not at all."""
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        for volume in volumes:
            levels = (volume.values.clamp(0, 4).div(4).sqrt() * LEVELS).round().numpy().astype(np.uint16)
            data = file.create_dataset(volume.name, data=levels, chunks=(1, *levels.shape[1:]), **COMPRESSION)
            data.attrs["voxel_mm"], data.attrs["subject"] = volume.voxel_mm, volume.subject


def read_pack(path: Path) -> list[TrainingVolume]:
    """The volumes of a pack."""
    try:
        with h5py.File(path) as file:
            return [_from_pack(name, file[name]) for name in file]  # type: ignore[arg-type]
    except (OSError, KeyError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path.name} is not a pack of volumes ({reason}); give a folder of NIfTI volumes") from None


def _from_pack(name: str, data: h5py.Dataset) -> TrainingVolume:
    values = torch.from_numpy(data[:].astype(np.float32)).div_(LEVELS).square_().mul_(4)
    z, y, x = np.asarray(data.attrs["voxel_mm"], float).tolist()
    return TrainingVolume(values, (z, y, x), str(data.attrs["subject"]), name)


def _from_nifti(path: Path) -> TrainingVolume:
    import nibabel  # not part of the core: only folders of NIfTI need it

    image = nibabel.load(path)  # type: ignore[attr-defined]
    values = np.asarray(image.dataobj, np.float32)  # type: ignore[union-attr]
    if values.ndim != 3 or not np.isfinite(values).all():
        raise InputError(f"{path.name} has shape {values.shape}; training takes finite 3-D magnitude volumes")
    zooms = [float(z) for z in image.header.get_zooms()[:3]]  # type: ignore[union-attr]
    axis = int(np.argmax(zooms))
    z, y, x = axis, *(i for i in range(3) if i != axis)
    return normalised(values.transpose(z, y, x), (zooms[z], zooms[y], zooms[x]), path.name.split(".nii")[0])
