"""From a NIfTI magnitude volume to a simulated fastMRI file, with a record of what was found in the volume."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.fastmri_write import write_fastmri
from medrecon.simulate.acquired import acquired_matrix, fourier_crop
from medrecon.simulate.scan import simulate_scan

# Spacings within this factor of each other are a 3-D acquisition: no axis is then the coarse one.
ISOTROPIC = 1.2


@final
@dataclass(frozen=True, eq=False)
class MagnitudeVolume:
    """Magnitudes `(slice, y, x)` on their acquired matrix, slices from feet to head, anterior or head up.

    `stored` and `acquired` are the matrices (y, x) of the file and of what the scanner measured.
    """

    magnitude: NDArray[np.float64]
    voxel_mm: tuple[float, float]
    slice_mm: float
    stored: tuple[int, int]
    acquired: tuple[int, int]
    name: str

    @property
    def was_zero_filled(self) -> bool:
        return self.stored != self.acquired


@final
@dataclass(frozen=True)
class SimulatedFile:
    """What `simulate_nifti` found and wrote; matrices are (y, x) as in `matrix`, the scan that was written."""

    path: Path
    slices: int
    coils: int
    snr: float
    seed: int
    stored: tuple[int, int]
    acquired: tuple[int, int]
    matrix: tuple[int, int]
    voxel_mm: tuple[float, float]
    slice_mm: float
    transposed: bool

    def __str__(self) -> str:
        was = (
            f"zero-filled: stored {_by(self.stored)}, acquired {_by(self.acquired)}; cropped to the acquired matrix"
            if self.stored != self.acquired
            else f"not zero-filled: stored and acquired {_by(self.stored)}"
        )
        turned = ", transposed so that phase runs along the head's shorter side (x)" if self.transposed else ""
        voxel = " x ".join(f"{length:.3g}" for length in (*self.voxel_mm, self.slice_mm))
        wrote = f"wrote {self.slices} slices of {_by(self.matrix)} (y, x), {voxel} mm"
        return f"{was}{turned}; {wrote}, {self.coils} coils, SNR {self.snr:g}"


def _turned(matrix: tuple[int, int]) -> tuple[int, int]:
    return matrix[1], matrix[0]


def _by(matrix: tuple[int, int]) -> str:
    return f"{matrix[0]}x{matrix[1]}"


def load_volume(path: str | Path) -> MagnitudeVolume:
    """Read a 3-D NIfTI magnitude volume, detect its acquired matrix and Fourier-crop it to that.

    Slices run along the axis with the coarse spacing, or the one with fewest samples in a 3-D acquisition.
    Raises InputError if the file is missing, not NIfTI, not 3-D, not finite, signed or empty.
    """
    path = Path(path)
    values, spacing, codes = _read(path)
    axis = _slice_axis(values.shape, spacing)
    planes = [a for a in range(3) if a != axis]
    # x (left) before y (back): the anatomical axes decide which of the two is which
    y, x = sorted(planes, key=lambda a: "IPL".index(_towards(codes[a])))
    for a in range(3):
        wanted = "S" if a == axis and codes[a] in "SI" else _towards(codes[a])
        if codes[a] != wanted:
            values = np.flip(values, a)
    volume = values.transpose(axis, y, x)
    stored = (volume.shape[1], volume.shape[2])
    acquired = acquired_matrix(volume)
    voxel = (spacing[y] * stored[0] / acquired[0], spacing[x] * stored[1] / acquired[1])
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    return MagnitudeVolume(fourier_crop(volume, acquired), voxel, spacing[axis], stored, acquired, name)


def simulate_nifti(
    path: str | Path,
    out: str | Path,
    *,
    coils: int = 8,
    snr: float = 40.0,
    seed: int = 0,
    slices: tuple[int | None, int | None] = (None, None),
) -> SimulatedFile:
    """Simulate a scan of the NIfTI volume `path` and write it to `out` as a fastMRI file.

    `slices` is a range `[start, stop)`; see `load_volume`, `simulate_scan` and `write_fastmri` for the rest.
    Raises InputError for a bad volume, range or folder; nothing is written then.
    """
    volume = load_volume(path)
    count = len(volume.magnitude)
    chosen = range(count)[slice(*slices)]
    if len(chosen) == 0:
        raise InputError(
            f"slices {slices[0]}:{slices[1]} select nothing of {count} slices; give a range inside 0:{count}"
        )
    scan = simulate_scan(
        volume.magnitude,
        volume.voxel_mm,
        slice_mm=volume.slice_mm,
        coils=coils,
        snr=snr,
        seed=seed,
        slices=chosen,
        name=volume.name,
    )
    transposed = scan.voxel_mm != volume.voxel_mm or scan.matrix != volume.acquired
    stored, acquired = (_turned(m) if transposed else m for m in (volume.stored, volume.acquired))
    return SimulatedFile(
        path=write_fastmri(out, scan, seed=seed),
        slices=scan.n_slices,
        coils=coils,
        snr=snr,
        seed=seed,
        stored=stored,
        acquired=acquired,
        matrix=scan.matrix,
        voxel_mm=scan.voxel_mm or volume.voxel_mm,
        slice_mm=volume.slice_mm,
        transposed=transposed,
    )


def _read(path: Path) -> tuple[NDArray[np.float32], tuple[float, ...], tuple[str, ...]]:
    """Values, spacing in mm and orientation codes of a 3-D volume."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError  # of a header whose numbers mean nothing; no ValueError

    if path.is_dir():
        raise InputError(f"{path} is a folder; give one NIfTI volume (.nii or .nii.gz)")
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a NIfTI volume (.nii or .nii.gz)")
    try:
        image: Any = nibabel.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read as NIfTI ({type(error).__name__}); give a whole .nii or .nii.gz file"
        ) from error
    if values.ndim != 3:
        raise InputError(f"{path} has shape {values.shape}; give one 3-D volume")
    if not np.isfinite(values).all():
        raise InputError(f"{path} holds NaN or infinite values; give a finite magnitude volume")
    if values.min() < -0.01 * values.max() or values.max() <= 0:
        raise InputError(
            f"{path} has values from {values.min():g} to {values.max():g}; give a magnitude volume, from 0 up"
        )
    if min(values.shape) < 1 or sorted(values.shape)[1] < 32:
        raise InputError(f"{path} has shape {values.shape}; give slices of at least 32x32 pixels")
    spacing = tuple(float(z) for z in image.header.get_zooms()[:3])
    codes = tuple(nibabel.orientations.aff2axcodes(image.affine))
    if min(spacing) <= 0 or None in codes:
        raise InputError(f"{path} has voxels of {spacing} mm and axes {codes}; give a file with a valid affine")
    return np.maximum(values, 0), spacing, codes


def _slice_axis(shape: tuple[int, ...], spacing: tuple[float, ...]) -> int:
    coarse = int(np.argmax(spacing))
    others = [s for a, s in enumerate(spacing) if a != coarse]
    return coarse if spacing[coarse] > ISOTROPIC * max(others) else int(np.argmin(shape))


def _towards(code: str) -> str:
    """The letter to which this axis should increase, so that pictures stand upright: left, posterior, inferior."""
    return {"R": "L", "L": "L", "A": "P", "P": "P", "S": "I", "I": "I"}[code]
