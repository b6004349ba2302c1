"""Readouts laid on the grid of k-space; lines that were measured several times are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.ismrmrd_header import Limits
from medrecon.io.raw.readouts import Encoding, Readouts


@dataclass(frozen=True, eq=False)
class Grid:
    """K-space of one volume, centre at index n // 2 of every encoded axis.

    Attributes
    ----------
    kspace : `(slice, coil, partition, readout, phase)` complex64, zero where nothing was sampled.
    points : `(partition, readout, phase)` bool, sampled; every slice shares it.
    averages : `(partition, phase)` how often a line was measured.
    slices : the number of each slice, as the file has it.
    """

    kspace: NDArray[np.complex64]
    points: NDArray[np.bool_]
    averages: NDArray[np.int64]
    slices: NDArray[np.int64]


def on_grid(readouts: Readouts, encoding: Encoding, path: Path) -> Grid:
    """Raises InputError where readouts do not fit the encoded matrix or slices were sampled differently."""
    columns, lines, partitions = encoding.encoded.matrix
    line = _index(readouts.line, encoding.phase, lines, "phase-encoding step", path)
    part = _index(readouts.partition, encoding.partition, partitions, "partition", path)
    numbers, slices = np.unique(readouts.slice, return_inverse=True)
    kspace = np.zeros((len(numbers), readouts.coils, partitions, columns, lines), np.complex64)
    points = np.zeros((len(numbers), partitions, columns, lines), bool)
    counts = np.zeros((len(numbers), partitions, lines), np.int64)
    for i, data in enumerate(readouts.samples):
        start = columns // 2 - int(readouts.centre[i])
        if start < 0 or start + data.shape[1] > columns:
            raise InputError(
                f"{path}: a readout of {data.shape[1]} samples with its centre at {readouts.centre[i]} does not fit "
                f"the encoded matrix of {columns}; mend the header"
            )
        at = slice(start, start + data.shape[1])
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused with the volume
            kspace[slices[i], :, part[i], at, line[i]] += data
        points[slices[i], part[i], at, line[i]] = True
        counts[slices[i], part[i], line[i]] += 1
    different = next((s for s in range(len(numbers)) if not np.array_equal(points[s], points[0])), None)
    if different is not None:
        raise InputError(
            f"{path}: slice {numbers[different]} is sampled at other points than slice {numbers[0]}, cut off?; "
            "expected one mask a volume: store slices with different masks in separate files"
        )
    several = counts > 1
    for s, p, y in zip(*np.nonzero(several), strict=True):
        kspace[s, :, p, :, y] /= counts[s, p, y]
    return Grid(kspace, points[0], counts.min(0), numbers)


def covered(size: int, limits: Limits | None) -> NDArray[np.bool_]:
    """`(size,)` bool: the places that the protocol's steps cover; all where it has no limits."""
    found = np.ones(size, bool)
    if limits is not None:
        steps = np.arange(size) - size // 2 + limits.centre
        found = (steps >= limits.minimum) & (steps <= limits.maximum)
    return found


def _index(steps: NDArray[np.int64], limits: Limits | None, size: int, what: str, path: Path) -> NDArray[np.int64]:
    """Step `centre` stands at index size // 2; without limits steps count from the first place."""
    index = steps if limits is None else steps - limits.centre + size // 2
    outside = (index < 0) | (index >= size)
    if outside.any():
        raise InputError(
            f"{path}: {what} {steps[outside][0]} lies outside the encoded matrix of {size}; mend the header"
        )
    return index
