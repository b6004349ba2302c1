"""Where the scans of a campaign come from: volumes to simulate, or fully sampled k-space as it was measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import final

import h5py
import numpy as np

from medrecon.bench.conditions import Condition
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.scan import Scan
from medrecon.simulate.scan import evaluation_slices, phase_along_x, simulate_scan

NIFTI = (".nii", ".nii.gz")
KSPACE = (".h5", ".npy")


class Source(ABC):
    """One volume or file, read when a condition asks for it."""

    name: str
    coils: int | None
    """Of a measured scan; None where the coils are simulated."""
    has_neighbours: bool

    @abstractmethod
    def scan(self, condition: Condition) -> Scan:
        """The fully sampled scan of the condition's slices."""

    @abstractmethod
    def neighbours(self, condition: Condition) -> Scan:
        """The same of the slice beside each of them."""


@final
@dataclass(frozen=True, eq=False)
class Volume(Source):
    """A magnitude volume that is simulated under evaluation.md 1's conditions."""

    name: str
    read: Callable[[], TrainingVolume]
    coils: int | None = None
    has_neighbours: bool = True

    def scan(self, condition: Condition) -> Scan:
        return _simulated(self, replace(condition.unsampled, seed=0))

    def neighbours(self, condition: Condition) -> Scan:
        magnitude, voxel, thickness = self.magnitude()
        beside = [_beside(i, len(magnitude)) for i in chosen(len(magnitude), condition)]
        return self.simulated(magnitude, voxel, thickness, condition, beside)

    def magnitude(self) -> tuple[np.ndarray, tuple[float, float], float]:
        """`(slice, y, x)` with phase along x, its pixel size (y, x) and the distance of slices in mm."""
        volume = self.read()
        z, y, x = volume.voxel_mm
        magnitude, voxel = phase_along_x(volume.values.numpy(), (y, x))
        return magnitude, voxel, z

    def simulated(
        self,
        magnitude: np.ndarray,
        voxel: tuple[float, float],
        thickness: float,
        condition: Condition,
        slices: Sequence[int],
        snr: float | None = None,
    ) -> Scan:
        """A scan of `magnitude`, at the condition's SNR unless another is given (inf leaves the noise out)."""
        return simulate_scan(
            magnitude,
            voxel,
            slice_mm=thickness,
            coils=condition.coils,
            snr=(condition.snr or np.inf) if snr is None else snr,
            slices=slices,
            name=self.name,
        )


@final
@dataclass(frozen=True, eq=False)
class Measured(Source):
    """A file of fully sampled k-space."""

    name: str
    path: Path
    coils: int | None
    has_neighbours: bool

    def scan(self, condition: Condition) -> Scan:
        return _measured(self.path, condition.slices)

    def neighbours(self, condition: Condition) -> Scan:
        whole = _load(self.path)
        return _picked(whole, [_beside(i, whole.n_slices) for i in _spread(whole.n_slices, condition.slices)])


def sources(path: Path) -> tuple[list[Source], list[str]]:
    """(sources, reasons why files were left out) of a folder, a pack, a NIfTI volume or one k-space file.

    Raises InputError where nothing is left, or where the one file given cannot be used.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give NIfTI volumes, a pack of them, or k-space files")
    if not path.is_dir():
        return _of_file(path), []
    found: list[Source] = []
    left_out: list[str] = []
    for file in sorted(p for p in path.iterdir() if p.name.endswith((*NIFTI, *KSPACE))):
        try:
            found += _of_file(file)
        except InputError as error:
            left_out.append(str(error))
    if not found:
        why = f" ({left_out[0]})" if left_out else ""
        raise InputError(f"{path} holds no NIfTI volume and no fully sampled k-space{why}; give another folder")
    _check_names(found)
    return found, left_out


def chosen(n: int, condition: Condition) -> tuple[int, ...]:
    """The slices of a volume of `n` that a condition simulates."""
    return evaluation_slices(n, condition.slices)


@lru_cache(maxsize=1)  # the conditions of one scan follow one another, and simulating it takes seconds
def _simulated(volume: Volume, condition: Condition) -> Scan:
    magnitude, voxel, thickness = volume.magnitude()
    return volume.simulated(magnitude, voxel, thickness, condition, chosen(len(magnitude), condition))


@lru_cache(maxsize=1)  # its reference is known by the scan that was read
def _measured(path: Path, slices: int) -> Scan:
    whole = _load(path)
    return _picked(whole, _spread(whole.n_slices, slices))


def _of_file(path: Path) -> list[Source]:
    if path.name.endswith(NIFTI):
        return [Volume(path.name.split(".nii")[0], lambda: _nifti(path))]
    if path.suffix == ".h5" and not _holds_kspace(path):
        return _of_pack(path)
    scan = _load(path)
    return [Measured(scan.name, path, scan.n_coils, scan.n_slices > 1)]


def _of_pack(path: Path) -> list[Source]:
    """Of a pack's volumes those that were held out from training, where it has such a part."""
    from medrecon.datasets.pack import read_pack

    volumes = read_pack(path)
    held_out = [volume for volume in volumes if volume.split == "held-out"]
    return [Volume(volume.name, lambda volume=volume: volume) for volume in held_out or volumes]


def _nifti(path: Path) -> TrainingVolume:
    from medrecon.datasets.magnitudes import from_nifti
    from medrecon.datasets.pack import normalised

    found = from_nifti(path)
    return normalised(found.values, found.voxel_mm, path.name.split(".nii")[0])


def _load(path: Path) -> Scan:
    from medrecon.io import load

    scan = load(path)
    if not scan.is_fully_sampled:
        raise InputError(
            f"{path.name} is undersampled (net {scan.net_acceleration:.2f}), so nothing can be scored against it; "
            "give fully sampled k-space"
        )
    return scan


def _holds_kspace(path: Path) -> bool:
    try:
        with h5py.File(path) as file:
            return "kspace" in file
    except OSError as error:
        raise InputError(f"{path.name} cannot be read as HDF5 ({error.strerror or 'damaged'}); copy it again") from None


def _picked(scan: Scan, slices: Sequence[int]) -> Scan:
    index = list(slices)
    return replace(
        scan,
        kspace=scan.kspace[index],
        truth=None if scan.truth is None else scan.truth[index],
        lesions=None if scan.lesions is None else scan.lesions[index],
    )


def _spread(n: int, count: int) -> list[int]:
    """`count` slices of n, evenly spaced, each in the middle of its share; all of them where there are no more."""
    return list(range(n)) if n <= count else [(2 * i + 1) * n // (2 * count) for i in range(count)]


def _beside(i: int, n: int) -> int:
    return i + 1 if i + 1 < n else max(i - 1, 0)


def _check_names(found: Sequence[Source]) -> None:
    names = [source.name for source in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two files are called {twice}, so that their rows could not be told apart; rename one")
