"""Training volumes in one HDF5 file, or straight from a folder of NIfTI files.

A pack holds one dataset a volume, `(slice, y, x)` grey levels, with the attributes voxel_mm, subject and split, and
nothing that tells where the volume came from. Packs written before there were splits are all for training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from medrecon.atomic import whole_file
from medrecon.datasets.magnitudes import from_nifti
from medrecon.datasets.volume import Split, TrainingVolume, subject_of
from medrecon.errors import InputError
from medrecon.simulate.acquired import acquired_matrix, fourier_crop

LEVELS = 1023
"""Grey levels of a packed volume, spaced like its square root: finer than any scan's noise."""


COMPRESSION = {"shuffle": True, "compression": "gzip", "compression_opts": 9}


def training_volumes(path: Path, split: Split = "train") -> list[TrainingVolume]:
    """The volumes of a pack (.h5) that are in `split`, or every one of a folder of NIfTI files.

    Volumes of a folder are Fourier-cropped to their acquired matrix. Raises InputError where there are none.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.name.endswith((".nii", ".nii.gz")))
        if not files:
            raise InputError(
                f"no NIfTI file (.nii, .nii.gz) in {path}; give a folder of magnitude volumes, or a pack (.h5)"
            )
        return [_from_nifti(p) for p in files]
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a folder of NIfTI volumes, or a pack (.h5)")
    found = read_pack(path, split)
    if not found:
        raise InputError(f"{path.name} holds no volume of the part '{split}'; pack again with another --held-out")
    return found


def every_volume(path: Path) -> list[TrainingVolume]:
    """All volumes of a pack, whatever their part, or of a folder."""
    return read_pack(path) if path.is_file() else training_volumes(path)


def normalised(values: NDArray, voxel_mm: tuple[float, float, float], name: str) -> TrainingVolume:
    """A `(slice, y, x)` magnitude volume at its acquired matrix, its 99.9th percentile at 1."""
    values = np.asarray(values, np.float32)
    matrix = acquired_matrix(values)
    stored = values.shape[1:]
    values = fourier_crop(values, matrix).astype(np.float32)
    voxel = (voxel_mm[0], voxel_mm[1] * stored[0] / matrix[0], voxel_mm[2] * stored[1] / matrix[1])
    peak = max(float(np.percentile(values, 99.9)), 1e-12)
    return TrainingVolume(torch.from_numpy(values / peak), voxel, subject_of(name), name)


def write_pack(path: Path, volumes: Sequence[TrainingVolume]) -> None:
    """Store volumes in `LEVELS` grey levels; the file appears whole or not at all."""
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        for volume in volumes:
            store(file, volume)


def store(file: h5py.File, volume: TrainingVolume) -> h5py.Dataset:
    """Add one volume to an open pack."""
    levels = (volume.values.clamp(0, 4).div(4).sqrt() * LEVELS).round().numpy().astype(np.uint16)
    data = file.create_dataset(volume.name, data=levels, chunks=(1, *levels.shape[1:]), **COMPRESSION)
    data.attrs["voxel_mm"], data.attrs["subject"], data.attrs["split"] = volume.voxel_mm, volume.subject, volume.split
    return data


def read_pack(path: Path, split: Split | None = None) -> list[TrainingVolume]:
    """The volumes of a pack, all of them or those of one `split`; raises InputError for other files."""
    try:
        with h5py.File(path) as file:
            wanted = [name for name in file if split in (None, _split(file[name]))]
            return [_from_pack(name, file[name]) for name in wanted]  # type: ignore[arg-type]
    except (OSError, KeyError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path.name} is not a pack of volumes ({reason}); give a folder of NIfTI volumes") from None


def _split(data: h5py.Dataset | h5py.Group | h5py.Datatype) -> Split:
    return cast(Split, str(data.attrs.get("split", "train")))


def _from_pack(name: str, data: h5py.Dataset) -> TrainingVolume:
    values = torch.from_numpy(data[:].astype(np.float32)).div_(LEVELS).square_().mul_(4)
    z, y, x = np.asarray(data.attrs["voxel_mm"], float).tolist()
    return TrainingVolume(values, (z, y, x), str(data.attrs["subject"]), name, _split(data))


def _from_nifti(path: Path) -> TrainingVolume:
    found = from_nifti(path)
    return normalised(found.values, found.voxel_mm, path.name.split(".nii")[0])
