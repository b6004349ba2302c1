"""Where the scans of a CT campaign come from: volumes of patients at full dose, and phantoms whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.simulate.ct.phantom import LEVELS, Level, textured_phantom
from medrecon.simulate.scan import evaluation_slices

NIFTI, PACK = (".nii", ".nii.gz"), ".h5"
PHANTOM = "phantom-"
PIXELS, PIXEL_MM, SLICE_MM = 512, 0.75, 3.0
"""Of the phantoms: the matrix of clinical CT, and a usual voxel."""
FIRST_SEED = 2**31


@dataclass(frozen=True, eq=False)
class CtScan:
    """Some slices of a volume.

    Attributes
    ----------
    values : `(slice, y, x)` float32 HU: a scan at full dose, or a truth without any noise.
    noise_free : which of the two.
    voxel_mm : (slice, y, x).
    unmeasured : `(slice, y, x)` bool, pixels outside the field of view; None where there are none.
    """

    values: Tensor
    noise_free: bool
    voxel_mm: tuple[float, float, float]
    unmeasured: Tensor | None = None


@dataclass(frozen=True, eq=False)
class CtSource:
    """One volume or phantom; `scan(n)` reads or makes n of its slices when a condition asks for them."""

    name: str
    make: Callable[[int], CtScan]

    def scan(self, slices: int) -> CtScan:
        """At most `slices` of them, spread evenly from 25 to 80 % of the volume."""
        return _kept(self, slices)


def ct_sources(path: Path | None, phantoms: Sequence[str]) -> tuple[list[CtSource], list[str]]:
    """(sources, reasons why files were left out) of a folder of NIfTI and packs, one such file, and the named phantoms.

    Raises InputError where nothing is left, or where the one file given cannot be used.
    """
    unknown = [kind for kind in phantoms if kind not in LEVELS]
    if unknown:
        raise InputError(f"there is no phantom '{unknown[0]}'; choose of {', '.join(LEVELS)}")
    found, left_out = ([], []) if path is None else _volumes(path)
    found += [CtSource(PHANTOM + kind, lambda n, kind=kind: _phantom(kind, n)) for kind in LEVELS if kind in phantoms]
    if not found:
        raise InputError("nothing to measure on; give --data, or some --phantoms")
    names = [source.name for source in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two volumes are called {twice}, so that their rows could not be told apart; rename one")
    return found, left_out


def _volumes(path: Path) -> tuple[list[CtSource], list[str]]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give NIfTI volumes in HU, or a CT pack of them")
    if not path.is_dir():
        return _of_file(path), []
    found: list[CtSource] = []
    left_out: list[str] = []
    for file in sorted(p for p in path.iterdir() if p.name.endswith((*NIFTI, PACK))):
        try:
            found += _of_file(file)
        except InputError as error:
            left_out.append(str(error))
    if not found:
        why = f" ({left_out[0]})" if left_out else ""
        raise InputError(f"{path} holds no NIfTI volume in HU and no CT pack{why}; give another folder")
    return found, left_out


def _of_file(path: Path) -> list[CtSource]:
    if path.name.endswith(NIFTI):
        return [CtSource(path.name.split(".nii")[0], lambda n: _nifti(path, n))]
    if h5py.is_hdf5(path):
        return _of_pack(path)
    raise InputError(f"{path}: neither NIfTI nor a CT pack; give volumes in HU")


def _of_pack(path: Path) -> list[CtSource]:
    """Of a pack's volumes those that were held out from training, where it has such a part."""
    from medrecon.datasets.ct.pack import read_ct_pack

    volumes = read_ct_pack(path)
    held_out = [volume for volume in volumes if volume.split == "held-out"] or volumes

    def scan(volume_values: Tensor, noise_free: bool, voxel_mm: tuple[float, float, float], n: int) -> CtScan:
        chosen = list(evaluation_slices(len(volume_values), n))
        return CtScan(volume_values[chosen].float(), noise_free, voxel_mm)

    return [CtSource(v.name, lambda n, v=v: scan(v.values, v.noise_free, v.voxel_mm, n)) for v in held_out]


def _nifti(path: Path, n: int) -> CtScan:
    from medrecon.io import load_volume

    volume = load_volume(path)
    chosen = list(evaluation_slices(volume.n_slices, n))
    padding = None if volume.padding is None else volume.padding[chosen]
    return CtScan(volume.values[chosen], False, volume.voxel_mm, padding)


def _phantom(level: Level, n: int) -> CtScan:
    """One body a slice; training draws its seeds below these."""
    bodies = [textured_phantom(FIRST_SEED + i, PIXELS, PIXEL_MM, level=level).hu for i in range(n)]
    return CtScan(torch.stack(bodies), True, (SLICE_MM, PIXEL_MM, PIXEL_MM))


@lru_cache(maxsize=2)  # the doses of one scan follow one another
def _kept(source: CtSource, slices: int) -> CtScan:
    return source.make(slices)
