"""`save`: a finished reconstruction into .h5, .nii.gz, .nii, .npy, as a picture .png, or a folder of a derived DICOM
series; whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medrecon.atomic import whole_file, whole_folder
from medrecon.errors import InputError
from medrecon.io.nifti import RAS, UNPLACED, is_sheared
from medrecon.io.writable import ENDINGS, check_writable, ending, is_folder_name

if TYPE_CHECKING:
    from medrecon.reconstruction import Reconstruction


def save(reconstruction: Reconstruction, path: str | PathLike[str], *, keep_identity: bool = False) -> None:
    """Write by the ending of `path`; magnitudes are float32 in the scan's units.

    .h5 holds `reconstruction` (slice, y, x), `reconstruction_complex`, `zero_filled`, `reference` and `std` where
    known, and the provenance as a JSON attribute. A name without ending becomes a folder of a derived MR series in
    DICOM: magnitudes times one slope, as 16-bit numbers. It names the patient only with `keep_identity`, and only what
    the scan was loaded with. Raises InputError for an unknown ending, a folder that does not exist or is not empty;
    if writing fails, nothing is left behind and an older file stays.
    """
    path = check_result_writable(path, keep_identity=keep_identity)
    if ending(path) is None:
        from medrecon.io.mr_series import write_mr_series

        with whole_folder(path) as temporary:
            write_mr_series(reconstruction, temporary, keep_identity=keep_identity)
        return
    with whole_file(path) as temporary:
        _WRITERS[ending(path)](reconstruction, temporary)


def check_result_writable(path: str | PathLike[str], *, keep_identity: bool = False) -> Path:
    """`path`, if a reconstruction can be written there: a file with one of the endings, or a new folder for DICOM.

    To be asked before any work. Raises InputError otherwise, and for identity in anything but a DICOM series.
    """
    path = Path(path)
    if not is_folder_name(path):
        if keep_identity:
            raise InputError(f"{path}: only a DICOM series can keep identity; name a folder, or drop keep-identity")
        return check_writable(path)
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"{path}: is a folder, and not empty; name a new one: series are not mixed")
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; expected the name of a new folder")
    check_writable(path.with_name(path.name + ENDINGS[0]))  # the same questions of the folder above
    return path


def _write_h5(reconstruction: Reconstruction, path: Path) -> None:
    arrays = {
        "reconstruction": reconstruction.magnitude,
        "reconstruction_complex": reconstruction.image,
        "zero_filled": reconstruction.zero_filled,
        "reference": reconstruction.reference,
        "std": reconstruction.std,
    }
    whole = BytesIO()  # in memory: where a disk fills up under HDF5, closing the file may end the process
    with h5py.File(whole, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                kind = np.complex64 if values.is_complex() else np.float32
                file.create_dataset(name, data=_array(values, kind), compression="gzip", shuffle=True)
        file.attrs["axes"] = "slice, y, x"
        if reconstruction.voxel_mm is not None:
            file.attrs["voxel_mm"] = reconstruction.voxel_mm
        if reconstruction.slice_mm is not None:
            file.attrs["slice_mm"] = reconstruction.slice_mm
        if reconstruction.affine is not None:
            file.attrs["affine"] = reconstruction.affine
        if reconstruction.std is not None:
            file["std"].attrs["meaning"] = reconstruction.spread
        file.attrs["provenance"] = _provenance(reconstruction)
    path.write_bytes(whole.getbuffer())


def _write_nifti(reconstruction: Reconstruction, path: Path) -> None:
    """Magnitude as (x, y, slice), at the place of the scan; where it is unknown, the affine holds sizes only."""
    import nibabel as nib
    from nibabel.nifti1 import Nifti1Extension

    placed = reconstruction.affine is not None
    affine = _sizes(reconstruction) if reconstruction.affine is None else _placed(reconstruction.affine)
    image = nib.Nifti1Image(_array(reconstruction.magnitude, np.float32).transpose(2, 1, 0), affine)
    if placed:
        image.set_sform(affine, code=1)
        sheared = is_sheared(affine)
        image.set_qform(None if sheared else affine, code=0 if sheared else 1)
    image.header.set_xyzt_units("mm" if placed or reconstruction.voxel_mm else "unknown")
    image.header["descrip"] = b"medrecon, research use only" + (b"" if placed else b", " + UNPLACED)
    record = _provenance(reconstruction).encode()
    image.header.extensions.append(Nifti1Extension("comment", record))
    nib.save(image, path)


def _placed(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Index (x, y, slice, 1) to mm towards right, anterior, head; of (slice, y, x, 1) to left, posterior, head."""
    return RAS @ affine[:, [2, 1, 0, 3]]


def _sizes(reconstruction: Reconstruction) -> NDArray[np.float64]:
    """Rows towards posterior and columns towards the patient's left, so that viewers show what the picture shows."""
    voxel, distance = reconstruction.voxel_mm or (1.0, 1.0), reconstruction.slice_mm or 1.0
    return np.diag([-voxel[1], -voxel[0], distance, 1.0])


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
