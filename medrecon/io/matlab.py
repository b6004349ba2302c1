"""MATLAB files, v5 to v7.2 (`mat5`) and v7.3 (HDF5): k-space as MATLAB's users keep it, (y, x, coil, slice).

Three axes are (y, x, coil). A variable `axes` such as 'slice coil y x' names them in any other order. The variable is
`kspace`, or the only complex one of 3 or 4 axes, or the one that is picked. Further variables are those of plain files:
`mask`, `phase_axes`, `fov_mm`, `voxel_mm`, `slice_mm`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io import datasets, plain
from medrecon.io.mat5 import read_mat5
from medrecon.io.raw.pick import Pick
from medrecon.scan import Scan

V5, V73 = b"MATLAB 5.0", b"MATLAB 7.3"
DAMAGE = (ValueError, TypeError, LookupError, OverflowError, zlib.error)
AXES = {3: "y x coil", 4: "y x coil slice"}
ATTRIBUTES = ("axes", "phase_axes", "fov_mm", "voxel_mm", "slice_mm")


def is_matlab(path: Path) -> bool:
    """Whether the file begins with MATLAB's own words."""
    with path.open("rb") as file:
        return file.read(10) in (V5, V73)


def read(path: Path, pick: Pick) -> Scan:
    """The scan of a MATLAB file; raises InputError for no or several k-space variables and for damage."""
    pick.check(("variable",))
    try:
        found = _read_v73(path) if h5py.is_hdf5(path) else read_mat5(path)
    except DAMAGE as error:
        raise InputError(
            f"{path}: cannot be read as MATLAB ({type(error).__name__}), cut off?; save it again"
        ) from error
    kspace = found[_chosen(found, pick)]
    datasets.check_kspace_layout(kspace.dtype, kspace.shape, path)
    if "mask" in found and found["mask"].dtype.kind not in "biufc":
        raise InputError(f"{path}: 'mask' holds no numbers; expected (y, x), not zero where sampled: store it so")
    # handed over as a plain file in memory: one place knows what attributes and masks of plain files mean
    with h5py.File("matlab", "w", driver="core", backing_store=False) as file:
        file["kspace"] = kspace
        if "mask" in found:
            file["mask"] = found["mask"]
        if kspace.ndim in AXES:
            file.attrs["axes"] = AXES[kspace.ndim]
        file.attrs.update({name: _attribute(found[name]) for name in ATTRIBUTES if name in found})
        return replace(plain.read_hdf5(file, path), header={"format": "MATLAB"})


def _chosen(found: Mapping[str, NDArray], pick: Pick) -> str:
    """The name of the k-space."""
    wanted = pick.word("variable")
    if wanted is not None and wanted not in found:
        raise InputError(f"{pick.path}: has no variable '{wanted}'; it holds {', '.join(found) or 'nothing'}")
    if wanted is not None or "kspace" in found:
        return wanted or "kspace"
    complex_ones = [name for name, value in found.items() if value.dtype.kind == "c" and value.ndim in AXES]
    if len(complex_ones) != 1:
        held = ", ".join(complex_ones) if complex_ones else f"none of them complex of 3 or 4 axes: {', '.join(found)}"
        raise InputError(
            f"{pick.path}: has no variable 'kspace' and {len(complex_ones)} that may be k-space ({held}); "
            "pick one, such as variable=NAME (--pick variable=NAME)"
        )
    return complex_ones[0]


def _read_v73(path: Path) -> dict[str, NDArray]:
    """HDF5 stores MATLAB's axes in reverse, and complex numbers as pairs."""
    found = {}
    with h5py.File(path, "r") as file:
        for name, node in file.items():
            if isinstance(node, h5py.Dataset) and node.dtype.kind in "biufcV":
                found[name] = _plain(node)
    return found


def _plain(node: h5py.Dataset) -> NDArray:
    values = np.asarray(node[()]).T
    if values.dtype.names == ("real", "imag"):
        values = values["real"] + 1j * values["imag"]
    return _characters(values) if node.attrs.get("MATLAB_class") == b"char" else values


def _characters(values: NDArray) -> NDArray:
    return np.array(["".join(map(chr, values.ravel().tolist()))])


def _attribute(value: NDArray) -> Any:
    return value.item() if value.size == 1 else value.ravel()
