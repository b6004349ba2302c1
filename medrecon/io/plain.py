"""Plain files: HDF5 with a dataset `kspace`, and .npy.

4 axes are (slice, coil, y, x), 3 axes (coil, y, x), or (slice, y, x) where the file names one coil by an attribute
`coils` (or `n_coils`) of 1. An attribute `axes` such as "slice, y, x" names them in any other order. Further
attributes: `phase_axes` ("y", "x" or "y x"), `fov_mm` (y, x), `voxel_mm` (y, x), `slice_mm`; further datasets:
`mask`, `lattice`, `noise` or `noise_prescan`, `truth`, `lesion_mask`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from medrecon.errors import InputError
from medrecon.io import datasets
from medrecon.io.lattice import detect_sampling, sampled_points
from medrecon.scan import Scan

AXES = ("slice", "coil", "y", "x")
SYNONYMS = {"slices": "slice", "coils": "coil", "channel": "coil", "channels": "coil"}
FACTS = ("anatomy", "sequence", "field_strength_t", "source", "licence")


def is_npy(path: Path) -> bool:
    """Whether the file begins like a .npy array."""
    with path.open("rb") as file:
        return file.read(6) == b"\x93NUMPY"


def read_npy(path: Path) -> Scan:
    """A scan of a .npy array; raises InputError for anything but complex k-space of 3 or 4 axes."""
    try:
        array = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path}: broken .npy file ({str(error).splitlines()[0]}); write it again") from error
    datasets.check_kspace_layout(array.dtype, array.shape, path)
    kspace = datasets.as_kspace(_ordered(array, {}, path), path)
    sampling = detect_sampling(sampled_points(kspace))
    points, lattice, axes = sampling.mask, sampling.lattice, sampling.phase_axes
    return Scan(kspace * points, points, lattice, axes, name=path.stem, header={"format": "NumPy"})


def read_hdf5(file: h5py.File, path: Path, *, keep_identity: bool = False) -> Scan:
    """A scan of an HDF5 file with `kspace`; attributes may stand at the file or at the dataset.

    Where no phase axis is named, it is the axis along which lines are missing, y if none are. Raises InputError.
    """
    dataset = datasets.require_kspace(file, path)
    attributes = {**file.attrs, **dataset.attrs}
    datasets.check_kspace_layout(dataset.dtype, dataset.shape, path)
    kspace = datasets.as_kspace(_ordered(dataset[()], attributes, path), path)
    slices, coils, *matrix = kspace.shape
    grid = (matrix[0], matrix[1])
    axes = _phase_axes(attributes, path)
    axis = axes[0] if axes is not None and len(axes) == 1 else None

    points = sampled_points(kspace)
    mask = datasets.read_mask(datasets.find(file, "mask"), grid, axis, path)
    sampling = detect_sampling(points if mask is None else points & mask, axes)
    if not bool(sampling.mask.any()):
        raise InputError(f"{path}: no sample of k-space lies within its 'mask'; mend the mask or leave it out")
    lattice = datasets.read_mask(datasets.find(file, "lattice"), grid, axis, path)
    return Scan(
        kspace=kspace * sampling.mask,
        mask=sampling.mask,
        lattice=sampling.lattice if lattice is None else lattice | sampling.mask,
        phase_axes=sampling.phase_axes,
        voxel_mm=_voxel(attributes, grid, path),
        slice_mm=_lengths(attributes, "slice_mm", 1, path)[0] if "slice_mm" in attributes else None,
        noise=datasets.read_noise(datasets.find(file, "noise", "noise_prescan"), coils, path),
        truth=datasets.read_volume(datasets.find(file, "truth"), (slices, *grid), path),
        lesions=datasets.read_lesions(datasets.find(file, "lesion_mask"), (slices, *grid), path),
        name=path.stem,
        header={
            "format": "plain HDF5",
            **{name: datasets.plain_value(attributes[name]) for name in FACTS if name in attributes},
            **datasets.identity(attributes, keep_identity),
        },
    )


def _ordered(array: np.ndarray, attributes: Mapping[str, Any], path: Path) -> np.ndarray:
    """The array with its axes as (slice, coil, y, x); slice and coil may be missing."""
    names = _axis_names(array.ndim, attributes)
    if len(names) != array.ndim or len(set(names)) != len(names) or not {"y", "x"} <= set(names):
        named = ", or an attribute 'axes' that names the axes" if 2 <= array.ndim <= 4 else ""
        raise InputError(
            f"{path}: k-space has shape {array.shape}, expected 4 axes (slice, coil, y, x) or 3 (coil, y, x){named}; "
            "store it so"
        )
    present = [name for name in AXES if name in names]
    array = array.transpose([names.index(name) for name in present])
    return np.expand_dims(array, [i for i, name in enumerate(AXES) if name not in present])


def _axis_names(ndim: int, attributes: Mapping[str, Any]) -> list[str]:
    if "axes" in attributes:
        words = re.findall(r"[a-z]+", datasets.text(attributes["axes"]).lower())
        return [name for word in words if (name := SYNONYMS.get(word, word)) in AXES]
    if ndim == 3:
        return ["slice", "y", "x"] if _one_coil(attributes) else ["coil", "y", "x"]
    return list(AXES) if ndim == 4 else []


def _one_coil(attributes: Mapping[str, Any]) -> bool:
    return any(datasets.text(attributes[name]) in ("1", "1.0") for name in ("coils", "n_coils") if name in attributes)


def _phase_axes(attributes: Mapping[str, Any], path: Path) -> tuple[str, ...] | None:
    if "phase_axes" not in attributes:
        return None
    written = datasets.text(attributes["phase_axes"])
    named = re.findall(r"[a-z]+", written.lower())
    if not named or not set(named) <= {"y", "x"}:
        raise InputError(f"{path}: attribute 'phase_axes' is '{written}', expected 'y', 'x' or 'y x'; mend it")
    return tuple(axis for axis in ("y", "x") if axis in named)


def _voxel(attributes: Mapping[str, Any], matrix: tuple[int, int], path: Path) -> tuple[float, float] | None:
    if "voxel_mm" in attributes:
        return _lengths(attributes, "voxel_mm", 2, path)[:2]  # type: ignore[return-value]
    if "fov_mm" in attributes:
        fov = _lengths(attributes, "fov_mm", 2, path)
        return fov[0] / matrix[0], fov[1] / matrix[1]
    return None


def _lengths(attributes: Mapping[str, Any], name: str, at_least: int, path: Path) -> tuple[float, ...]:
    """Positive lengths in mm."""
    try:
        values = np.atleast_1d(np.asarray(attributes[name], dtype=float)).ravel()
    except (TypeError, ValueError):
        values = np.empty(0)
    if len(values) < at_least or not np.isfinite(values).all() or (values <= 0).any():
        expected = "a positive length" if at_least == 1 else "positive lengths (y, x)"
        raise InputError(f"{path}: attribute '{name}' is {attributes[name]}, expected {expected} in mm; mend it")
    return tuple(map(float, values))
