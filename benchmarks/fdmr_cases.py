"""The scans that FDMR is measured on, in groups: held-out patients, and four kinds of images unlike the training's.

`DATA` is a folder with mr/val, mr/tune, mr/train, kspace and ct/val; a group whose files are not there is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from medrecon.bench.cases import Case, calibrated, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.sources import Source, Volume, sources
from medrecon.datasets.magnitudes import from_nifti
from medrecon.datasets.pack import normalised
from medrecon.datasets.volume import TrainingVolume, is_isotropic

COILS, SNR, MASK_SEED = 8, 40.0, 0
AIR = -1000.0
TINY = 64
"""Pixels a side in a rehearsal."""


@dataclass(frozen=True, eq=False)
class Named:
    """A calibrated case with where it belongs."""

    group: str
    accel: float
    case: Case


def groups(data: Path) -> dict[str, list[Source]]:
    """What is there, by name."""
    made: dict[str, Callable[[], list[Source]]] = {
        "val": lambda: sources(data / "mr/val")[0],
        "sagittal": lambda: [s for f in sorted((data / "mr/tune").glob("*sag*")) for s in sources(f)[0]],
        "reformatted": lambda: list(_reformatted(data / "mr/train")),
        "brain16": lambda: sources(data / "kspace/brain16_128.h5")[0],
        "ct-chest": lambda: [_as_magnitudes(f) for f in sorted((data / "ct/val").glob("chest*"))],
    }
    places = {"brain16": "kspace/brain16_128.h5", "ct-chest": "ct/val"}
    return {name: make() for name, make in made.items() if (data / places.get(name, "mr")).exists()}


def cases(
    data: Path, wanted: list[str], accels: list[float], slices: int, device: torch.device, *, tiny: bool = False
) -> Iterator[Named]:
    """Calibrated cases of the groups, 8 coils at SNR 40 where they are simulated, random lines."""
    found = groups(data)
    for group in wanted:
        for source in found.get(group, ())[: 1 if tiny else None]:
            source = _small(source) if tiny and isinstance(source, Volume) else source
            for accel in accels:
                simulated = source.coils is None
                coils = COILS if simulated else source.coils or 1
                condition = Condition(
                    source.name, coils, SNR if simulated else None, slices, "random", accel, MASK_SEED
                )
                scan = undersampled(source.scan(condition), condition)
                yield Named(group, accel, calibrated(scan, MASK_SEED, device))


def _reformatted(folder: Path) -> Iterator[Source]:
    """3-D volumes cut across the planes of their files. Their subjects were trained on, though: rows say the group."""
    for file in sorted(folder.glob("*.nii.gz")):
        volume = from_nifti(file)
        if is_isotropic(volume.voxel_mm):
            z, y, x = volume.voxel_mm
            values, name = volume.values.transpose(1, 0, 2), f"{file.name.split('.nii')[0]}_across"
            yield Volume(name, lambda v=values, m=(y, z, x), n=name: normalised(v, m, n))


def _as_magnitudes(file: Path) -> Source:
    """CT as if it were a magnitude image, air black: anatomy that no prior of heads has seen."""

    def read() -> TrainingVolume:
        from medrecon.io.nifti import load_nifti

        volume = load_nifti(file)
        values = (volume.values.numpy() - AIR).clip(0, 2000)
        # every second pixel of a smoothed slice: 512 lines would be twice any scanner's
        values = values.reshape(len(values), values.shape[1] // 2, 2, values.shape[2] // 2, 2).mean((2, 4))
        z, y, x = volume.voxel_mm
        return normalised(values.astype(np.float32), (z, 2 * y, 2 * x), file.name.split(".nii")[0])

    return Volume(file.name.split(".nii")[0], read)


def _small(source: Volume) -> Source:
    """The volume at few pixels, for a rehearsal."""

    def read() -> TrainingVolume:
        whole = source.read()
        values = torch.nn.functional.adaptive_avg_pool2d(whole.values[:, None], TINY)[:, 0]
        z, y, x = whole.voxel_mm
        factors = [n / TINY for n in whole.values.shape[1:]]
        return TrainingVolume(values, (z, y * factors[0], x * factors[1]), whole.subject, whole.name)

    return Volume(source.name, read)
