"""`save_volume`: HU into NIfTI, .npy, a picture, or a derived DICOM series; whole or not at all."""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medrecon.atomic import whole_file, whole_folder
from medrecon.errors import InputError
from medrecon.io import nifti
from medrecon.io.derivation import Derivation
from medrecon.io.hounsfield_window import HounsfieldWindow, window_of
from medrecon.io.picture import shown_slices
from medrecon.io.thumbnail import unit_png
from medrecon.io.writable import check_writable, ending
from medrecon.volume import DicomSource, Volume

FILES = (".nii.gz", ".nii", ".npy", ".png")


def save_volume(
    values: Tensor,
    like: Volume,
    path: str | PathLike[str],
    *,
    derivation: Derivation,
    keep_identity: bool = False,
    window: str = "soft-tissue",
) -> None:
    """Write `values` `(slice, y, x)` HU at the place of `like`, by the ending of `path`.

    .nii and .nii.gz hold HU on the source's axes, int16 where all are whole; .npy float32; .png up to three slices side
    by side in `window`. A name without ending becomes a folder of a derived DICOM series: rounded to the nearest number
    that the source's type, slope and intercept can hold, and clipped to these. It names the patient and the study only
    with `keep_identity`; what a source does not say, no file says. Padding keeps what the source held there.

    Raises InputError for values that do not fit `like`, and as `check_volume_writable`; if writing fails, nothing is
    left behind.
    """
    path = check_volume_writable(path, like, keep_identity=keep_identity)
    picture_window = window_of(window)
    if tuple(values.shape) != tuple(like.values.shape) or not _is_finite(values):
        expected = tuple(like.values.shape)
        raise InputError(f"values of shape {tuple(values.shape)}; expected finite HU of the source's shape {expected}")
    kind = ending(path, FILES)
    if kind is None:
        _write_series(values, like, path, derivation, keep_identity)
        return
    with whole_file(path) as temporary:
        if kind == ".png":
            temporary.write_bytes(unit_png(_side_by_side(values, picture_window)))
        elif kind == ".npy":
            with temporary.open("wb") as file:  # given a name, numpy would add its own ending to .NPY
                np.save(file, nifti.filled(values, like), allow_pickle=False)
        else:
            nifti.write_nifti(values, like, temporary, asdict(derivation))


def check_volume_writable(path: str | PathLike[str], like: Volume, *, keep_identity: bool = False) -> Path:
    """`path`, if a result for `like` can be written there; to be asked before any work. Raises InputError for an
    unknown ending, a folder that is missing or not empty, a series without a DICOM source, identity in other files.
    """
    path = Path(path)
    if not path.is_dir() and (path.suffix or ending(path, FILES)):
        if keep_identity:
            raise InputError(f"{path}: only a DICOM series can keep identity; name a folder, or drop keep-identity")
        if ending(path, FILES) is None:
            raise InputError(
                f"{path}: its ending is not one that is written here; use {', '.join(FILES)}, "
                "or for a DICOM series a name without a dot"
            )
        return check_writable(path, FILES)
    if not isinstance(like.source, DicomSource):
        raise InputError(
            f"{path}: a folder is written as a derived DICOM series, and the input is none; use {', '.join(FILES)}"
        )
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"{path}: the folder is not empty; name a new one: series are not mixed")
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; expected the name of a new folder")
    check_writable(path.with_name(path.name + FILES[0]), FILES)  # the same questions of the folder above
    return path


def _write_series(values: Tensor, like: Volume, path: Path, derivation: Derivation, keep_identity: bool) -> None:
    from medrecon.io.derived_series import write_series

    assert isinstance(like.source, DicomSource)
    with whole_folder(path) as temporary:
        write_series(values, like, like.source, temporary, derivation, keep_identity=keep_identity)


def _is_finite(values: Tensor) -> bool:
    return all(bool(torch.isfinite(image).all()) for image in values)


def _side_by_side(values: Tensor, window: HounsfieldWindow) -> Tensor:
    return torch.cat([window(values[i].detach().float().cpu()) for i in shown_slices(len(values))], dim=1)
