"""BART's cfl/hdr pair: complex64 in columns-first order, its 16 dimensions in the text beside it.

Of k-space are read: readout (0), phase (1), partition (2), coil (3), slice (13) and average (14, averaged here); the
centre is at index n // 2, as in BART's own centred transform. Coil maps beside it are not needed and not read.
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.ismrmrd_header import Space
from medrecon.io.lattice import sampled_points
from medrecon.io.raw.grid import Grid
from medrecon.io.raw.readouts import Encoding
from medrecon.io.raw.scan_of import scan_of_grid
from medrecon.scan import Scan

ENDINGS = (".cfl", ".hdr")
READ, PHASE, PARTITION, COIL, MAPS, SLICE, AVERAGE = 0, 1, 2, 3, 4, 13, 14
READABLE = (READ, PHASE, PARTITION, COIL, SLICE, AVERAGE)
NAMES = {4: "MAPS", 5: "TE", 6: "COEFF", 7: "COEFF2", 8: "ITER", 9: "CSHIFT", 10: "TIME", 11: "TIME2", 12: "LEVEL"}
MOST = 16


def pair_of(path: Path) -> tuple[Path, Path] | None:
    """(cfl, hdr) of a path with one of these endings, or of BART's own name without; None for any other path."""
    if path.name.lower().endswith(ENDINGS):
        return path.with_suffix(".cfl"), path.with_suffix(".hdr")
    pair = path.with_name(path.name + ".cfl"), path.with_name(path.name + ".hdr")
    return pair if not path.exists() and all(part.is_file() for part in pair) else None


def read(path: Path) -> Scan:
    """The scan of a pair; raises InputError for what is no Cartesian multi-coil k-space, or does not fit its header."""
    pair = pair_of(path)
    assert pair is not None
    cfl, hdr = pair
    for part in pair:
        if not part.is_file():
            raise InputError(f"{part}: no such file; expected the pair {cfl.name} and {hdr.name}: give both")
    dims = _dimensions(hdr)
    size = 8 * prod(dims)
    if cfl.stat().st_size != size:
        raise InputError(
            f"{cfl}: holds {cfl.stat().st_size} bytes, its header asks for {size}, cut off?; copy both files again"
        )
    _check(dims, cfl)
    array = np.fromfile(cfl, "<c8").reshape(dims, order="F").squeeze(axis=tuple(_others(len(dims))))
    array, averages = _averaged(array)  # (readout, phase, partition, coil, slice)
    kspace = np.ascontiguousarray(array.transpose(4, 3, 2, 0, 1)).astype(np.complex64, copy=False)
    points = sampled_points(torch.from_numpy(kspace.reshape(*kspace.shape[:2], -1, dims[PHASE])))
    grid = Grid(kspace, points.numpy().reshape(kspace.shape[2:]), averages, np.arange(len(kspace)))
    space = Space((dims[READ], dims[PHASE], dims[PARTITION]), (None, None, None))
    facts = {"format": "BART cfl", **({"averages": dims[AVERAGE]} if dims[AVERAGE] > 1 else {})}
    return scan_of_grid(grid, Encoding(space, space), cfl, facts)


def _others(n: int) -> list[int]:
    return [axis for axis in range(n) if axis not in READABLE]


def _dimensions(hdr: Path) -> list[int]:
    """At least 16 of them, the missing ones are 1."""
    text = hdr.read_text(encoding="utf-8", errors="replace")
    found = re.search(r"#\s*Dimensions\s*\n([^\n#]*)", text)
    words = found.group(1).split() if found else []
    if not words or not all(word.isdigit() and int(word) > 0 for word in words):
        raise InputError(f"{hdr}: has no line of dimensions; expected BART's header: write it again")
    return [int(word) for word in words] + [1] * (MOST - len(words))


def _check(dims: list[int], path: Path) -> None:
    more = next((axis for axis in _others(len(dims)) if dims[axis] > 1), None)
    if more is not None:
        named = NAMES.get(more, "of no name")
        hint = "coil maps?; give the k-space" if more == MAPS else "one image is read: cut it with 'bart slice'"
        raise InputError(f"{path}: dimension {more} ({named}) has {dims[more]} entries; {hint}")
    if dims[READ] == 1 and dims[PHASE] > 1:
        raise InputError(
            f"{path}: dimension 0 (readout) has 1 entry, as non-Cartesian k-space has; medrecon reads Cartesian "
            "k-space only: grid it first"
        )


def _averaged(array: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], NDArray[np.int64]]:
    """Means over the averages in which a line is not zero, and how many these were `(partition, phase)`."""
    there = (array != 0).any(axis=(0, 3, 4))  # (phase, partition, average)
    counts = there.sum(-1)
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused with the volume
        mean = array.sum(-1) / np.maximum(counts, 1)[None, :, :, None, None]
    return mean, counts.T
