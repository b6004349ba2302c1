"""A small pack of images that a prior of heads has not seen so: volumes cut across their slices, and CT as magnitudes.

python benchmarks/fdmr_shift.py OUT.h5 --volumes PACK --ct CT_PACK [--slices 24]

Of each volume of PACK with voxels that are nearly cubes, planes along the slice axis; their subjects may have been
trained on, only the cut is new. Of each chest of CT_PACK its slices, air black, at half the resolution. --slices are
kept of each, evenly spaced: `fdmr_bench.py` takes fewer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from fdmr_cases import ACROSS, CT
from numpy.typing import NDArray

from medrecon.datasets.ct.pack import read_ct_pack
from medrecon.datasets.ct.volume import CtVolume
from medrecon.datasets.pack import normalised, read_pack, write_pack
from medrecon.datasets.volume import TrainingVolume

AIR, WHITE = -1000.0, 1000.0
"""HU that are black, and the most that is told apart."""


def across(volumes: Sequence[TrainingVolume], slices: int) -> Iterator[TrainingVolume]:
    """Planes of slice axis and x, of volumes that bear it."""
    for volume in volumes:
        if volume.is_isotropic:
            z, y, x = volume.voxel_mm
            turned = volume.values.numpy().transpose(1, 0, 2)
            yield normalised(thinned(turned, slices), (y * len(turned) / slices, z, x), volume.name + ACROSS)


def as_magnitudes(volumes: Sequence[CtVolume], slices: int) -> Iterator[TrainingVolume]:
    """Chests as if they were magnitude images: anatomy that no prior of heads has seen."""
    for volume in volumes:
        if volume.name.startswith(CT):
            z, y, x = volume.voxel_mm
            values = thinned(volume.values.numpy(), slices).clip(AIR, WHITE) - AIR
            # every second pixel of a smoothed slice: 512 lines would be twice any scanner's
            n, height, width = values.shape
            values = values.reshape(n, height // 2, 2, width // 2, 2).mean((2, 4))
            yield normalised(values, (z * len(volume.values) / slices, 2 * y, 2 * x), volume.name)


def thinned(values: NDArray, slices: int) -> NDArray:
    """`slices` evenly spaced ones of `(slice, y, x)`, or all where there are fewer."""
    chosen = np.linspace(0, len(values) - 1, min(slices, len(values))).round().astype(int)
    return values[chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--volumes", type=Path, required=True)
    parser.add_argument("--ct", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=24)
    given = parser.parse_args()
    made = [*across(read_pack(given.volumes), given.slices), *as_magnitudes(read_ct_pack(given.ct), given.slices)]
    write_pack(given.out, made)
    for volume in made:
        print(volume.name, tuple(volume.values.shape), flush=True)


if __name__ == "__main__":
    main()
