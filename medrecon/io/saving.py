"""`save`: a finished reconstruction into .h5, .nii.gz, .nii, .npy or, as a picture, .png; whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.io.writable import check_writable, ending

if TYPE_CHECKING:
    from medrecon.reconstruction import Reconstruction


def save(reconstruction: Reconstruction, path: str | PathLike[str]) -> None:
    """Write by the ending of `path`; magnitudes are float32 in the scan's units.

    .h5 holds `reconstruction` (slice, y, x), `reconstruction_complex`, `zero_filled`, `reference` and `std` where
    known, and the provenance as a JSON attribute. Raises InputError for an unknown ending or a folder that does not
    exist; if writing fails, nothing is left behind and an older file stays.
    """
    path = check_writable(path)
    with whole_file(path) as temporary:
        _WRITERS[ending(path)](reconstruction, temporary)


def _write_h5(reconstruction: Reconstruction, path: Path) -> None:
    arrays = {
        "reconstruction": reconstruction.magnitude,
        "reconstruction_complex": reconstruction.image,
        "zero_filled": reconstruction.zero_filled,
        "reference": reconstruction.reference,
        "std": reconstruction.std,
    }
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                kind = np.complex64 if values.is_complex() else np.float32
                file.create_dataset(name, data=_array(values, kind), compression="gzip", shuffle=True)
        file.attrs["axes"] = "slice, y, x"
        if reconstruction.voxel_mm is not None:
            file.attrs["voxel_mm"] = reconstruction.voxel_mm
        if reconstruction.slice_mm is not None:
            file.attrs["slice_mm"] = reconstruction.slice_mm
        if reconstruction.std is not None:
            file["std"].attrs["meaning"] = reconstruction.spread
        file.attrs["provenance"] = _provenance(reconstruction)


def _write_nifti(reconstruction: Reconstruction, path: Path) -> None:
    """Magnitude as (x, y, slice). K-space files do not tell the patient's position, so the affine holds sizes only."""
    import nibabel as nib
    from nibabel.nifti1 import Nifti1Extension

    voxel, distance = reconstruction.voxel_mm or (1.0, 1.0), reconstruction.slice_mm or 1.0
    # rows run towards posterior and columns towards the patient's left, so that viewers show what the picture shows
    affine = np.diag([-voxel[1], -voxel[0], distance, 1.0])
    image = nib.Nifti1Image(_array(reconstruction.magnitude, np.float32).transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm" if reconstruction.voxel_mm else "unknown")
    image.header["descrip"] = b"medrecon, research use only, orientation unknown"
    record = _provenance(reconstruction).encode()
    image.header.extensions.append(Nifti1Extension("comment", record))
    nib.save(image, path)


def _write_npy(reconstruction: Reconstruction, path: Path) -> None:
    with path.open("wb") as file:  # given a name, numpy would add its own ending to .NPY
        np.save(file, _array(reconstruction.magnitude, np.float32), allow_pickle=False)


def _write_png(reconstruction: Reconstruction, path: Path) -> None:
    from medrecon.io.picture import draw

    draw(reconstruction, path)


def _array(values: Tensor, kind: type[np.generic]) -> np.ndarray:
    return values.detach().cpu().numpy().astype(kind)


def _provenance(reconstruction: Reconstruction) -> str:
    return json.dumps(dict(reconstruction.provenance))


_WRITERS: dict[str | None, Callable[[Reconstruction, Path], None]] = {
    ".h5": _write_h5,
    ".nii.gz": _write_nifti,
    ".nii": _write_nifti,
    ".npy": _write_npy,
    ".png": _write_png,
}
