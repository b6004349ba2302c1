"""Magnitude volumes for training from NIfTI, from a DICOM series and from fully sampled k-space."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.evaluation.reference import reference_image
from medrecon.io import load
from medrecon.io.dicom import SeriesFiles, read_series
from medrecon.operators import ifft2c
from medrecon.scan import Scan

Combination = Literal["espirit", "rss"]

MODALITY = "MR"
NEGATIVE = 0.01
"""A magnitude volume may reach this share of its maximum below zero: interpolation rings."""
SMALLEST = 16
"""Pixels a side of the smallest slice that can be trained on."""
LABELS = 16
"""A NIfTI volume of fewer different values, all of them whole numbers, is a map of labels and not an image."""


@dataclass(frozen=True, eq=False)
class Magnitudes:
    """`values` `(slice, y, x)` float32, not negative; voxel size (slice, y, x) in mm."""

    values: NDArray[np.float32]
    voxel_mm: tuple[float, float, float]


def from_nifti(path: Path) -> Magnitudes:
    """The volume of a NIfTI file, its coarsest axis as slices; raises InputError for what is no magnitude volume."""
    import nibabel  # not part of the core: only NIfTI needs it
    from nibabel.filebasedimages import ImageFileError

    try:
        image: Any = nibabel.load(path)  # type: ignore[attr-defined]
        if image.get_data_dtype().kind not in "biuf":
            raise InputError(f"{path.name} holds {image.get_data_dtype()} values; training takes magnitudes")
        values = np.asarray(image.dataobj, np.float32)
    except InputError:
        raise
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            f"{path.name} cannot be read as NIfTI ({type(error).__name__}); give a whole .nii or .nii.gz file"
        ) from error
    values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    if values.ndim != 3:
        raise InputError(f"{path.name} has shape {values.shape}; training takes finite 3-D magnitude volumes")
    zooms = [float(z) for z in image.header.get_zooms()[:3]]
    axis = int(np.argmax(zooms))
    z, y, x = axis, *(i for i in range(3) if i != axis)
    found = checked(values.transpose(z, y, x), (zooms[z], zooms[y], zooms[x]), path.name)
    levels = np.unique(found.values[found.values > 0][:: max(1, found.values.size // 100_000)])
    if len(levels) < LABELS and np.array_equal(levels, levels.round()):
        raise InputError(f"{path.name} holds {len(levels)} different values, a map of labels; leave it out")
    return found


def from_series(series: SeriesFiles) -> Magnitudes:
    """The volume of a DICOM series of MR magnitudes; raises InputError for other series."""
    if series.modality != MODALITY:
        raise InputError(f"a series of modality {series.modality or 'unknown'}; training takes MR images")
    volume = read_series(series)
    return checked(volume.values, volume.voxel_mm, "the series")


def from_kspace(path: Path, combination: Combination) -> Magnitudes:
    """The reference image of fully sampled k-space: its truth if it was simulated, else the coils combined.

    "espirit" is the image that scores are taken against (`reference_image`), "rss" the root sum of squares: quicker,
    with the noise of all coils in the background. Raises InputError for undersampled scans and such without sizes.
    """
    scan = load(path)
    if not scan.is_fully_sampled:
        raise InputError(f"{path.name} is undersampled (net {scan.net_acceleration:.2f}); give fully sampled scans")
    if scan.voxel_mm is None or scan.slice_mm is None:
        raise InputError(
            f"{path.name} names no {'pixel size' if scan.voxel_mm is None else 'slice distance'}; "
            "add the attributes voxel_mm and slice_mm"
        )
    image = _combined(scan, combination)
    return checked(image.astype(np.float32), (scan.slice_mm, *scan.voxel_mm), path.name)


def checked(values: NDArray, voxel_mm: tuple[float, float, float], name: str) -> Magnitudes:
    """`values` as magnitudes; raises InputError for tiny slices, negative and infinite values, no voxel."""
    values = np.asarray(values, np.float32)
    if values.size == 0 or min(values.shape[1:]) < SMALLEST:
        raise InputError(f"{name} has slices of shape {values.shape[1:]}; give at least {SMALLEST} pixels a side")
    if not np.isfinite(values).all():
        raise InputError(f"{name} holds NaN or infinite values; training takes finite 3-D magnitude volumes")
    low, high = float(values.min()), float(values.max())
    if high <= 0 or low < -NEGATIVE * high:
        raise InputError(f"{name} has values from {low:g} to {high:g}; training takes magnitudes, from 0 up")
    if not (np.isfinite(voxel_mm).all() and min(voxel_mm) > 0):
        raise InputError(f"{name} has voxels of {voxel_mm} mm; give a file with voxel sizes")
    return Magnitudes(np.maximum(values, 0), voxel_mm)


def _combined(scan: Scan, combination: Combination) -> NDArray:
    if combination == "rss" and scan.truth is None:
        image = torch.cat([ifft2c(k).abs().square().sum(1).sqrt() for k in scan.kspace.split(1)])
        return (image if scan.crop is None else centre_crop(image, scan.crop)).numpy()
    found = reference_image(scan)
    if found is None:
        raise InputError(f"{scan.name} has no reference image; give a fully sampled scan")
    return found[0].numpy()
