"""CT training volumes in one HDF5 file: thick slices in HU, and nothing that tells whom they show.

One dataset a volume, `(slice, y, x)` int16 HU, with the attributes voxel_mm, subject and split; the file says what it
is by `medrecon_pack = "ct"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import h5py
import numpy as np
import torch

from medrecon.atomic import whole_file
from medrecon.datasets.ct.volume import CtVolume
from medrecon.datasets.pack import COMPRESSION
from medrecon.datasets.volume import Split
from medrecon.errors import InputError

MARK = "medrecon_pack"
KIND = "ct"


def write_ct_pack(path: Path, volumes: Sequence[CtVolume]) -> None:
    """Store volumes; the file appears whole or not at all."""
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        mark(file)
        for volume in volumes:
            store_ct(file, volume)


def mark(file: h5py.File) -> None:
    """Say in an open file that it is a CT pack."""
    file.attrs[MARK] = KIND


def store_ct(file: h5py.File, volume: CtVolume) -> h5py.Dataset:
    """Add one volume to an open pack."""
    values = volume.values.numpy().astype(np.int16)
    data = file.create_dataset(volume.name, data=values, chunks=(1, *values.shape[1:]), **COMPRESSION)
    data.attrs["voxel_mm"], data.attrs["subject"], data.attrs["split"] = volume.voxel_mm, volume.subject, volume.split
    return data


def read_ct_pack(path: Path, split: Split | None = None) -> list[CtVolume]:
    """The volumes of a pack, all of them or those of one `split`; raises InputError for other files and empty parts."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; make a pack of it first: medrecon data pack-ct {path} -o ct.h5")
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a CT pack (.h5), made by medrecon data pack-ct")
    try:
        with h5py.File(path) as file:
            if file.attrs.get(MARK) != KIND:
                raise InputError(f"{path.name} is no CT pack; make one with medrecon data pack-ct")
            members = [(str(name), cast(h5py.Dataset, file[name])) for name in file]
            found = [_from_pack(name, data) for name, data in members if split in (None, data.attrs["split"])]
    except (OSError, KeyError, AttributeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path.name} is no CT pack ({reason}); make one with medrecon data pack-ct") from None
    if not found:
        part = f"of the part '{split}'" if split else "at all"
        raise InputError(f"{path.name} holds no volume {part}; pack again with another --held-out")
    return found


def _from_pack(name: str, data: h5py.Dataset) -> CtVolume:
    z, y, x = np.asarray(data.attrs["voxel_mm"], float).tolist()
    split = cast(Split, str(data.attrs["split"]))
    return CtVolume(torch.from_numpy(data[:].astype(np.int16)), (z, y, x), str(data.attrs["subject"]), name, split)
