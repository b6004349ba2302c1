"""The files of round_trips.py: the embedded head by the package ismrmrd and as padded fastMRI, and what BART makes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import torch
from numpy.typing import NDArray

from medrecon.scan import Scan
from medrecon.simulate.demo import demo_path

PADDED = (2, 197)
"""First and last of 208 columns that a padded file's limits name: neither even in number nor symmetric."""
FIRST_MM = (12.25, -31.5, 7.125)
VIEWS = {
    "axial": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    "sagittal": ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
    "coronal": ((0.0, 0.0, 1.0), (-1.0, 0.0, 0.0)),
    "oblique": ((0.6, 0.8, 0.0), (0.0, 0.0, -1.0)),
    "doubly oblique": ((0.36, 0.48, 0.8), (-0.8, 0.6, 0.0)),
}
"""Directions of readout and phase in the patient (left, back, head)."""
GAP = 7.5


def raw_head() -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """K-space `(slice, coil, readout, phase)`, twice oversampled, and the prescan `(coil, n)`, without any reader."""
    with h5py.File(demo_path()) as file:
        return file["kspace"][()], file["noise_prescan"][()]  # type: ignore[index, return-value]


def in_memory(wide: NDArray[np.complex64], noise: NDArray[np.complex64] | None, columns: slice = slice(None)) -> Scan:
    """The central half of the readout by NumPy's transform, and the columns that were measured."""
    axis, rows = -2, wide.shape[-2] // 2
    image = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(wide, axis), axis=axis, norm="ortho"), axis)
    cut = image[..., rows // 2 : rows // 2 + rows, :]
    kspace = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(cut, axis), axis=axis, norm="ortho"), axis)
    covered = torch.zeros(rows, wide.shape[-1], dtype=torch.bool)
    covered[:, columns] = True
    return Scan(
        torch.from_numpy(kspace.astype(np.complex64)) * covered, covered, covered, ("x",),
        noise=None if noise is None else torch.from_numpy(noise),
    )  # fmt: skip


def header(columns: int, shown: int, limits: tuple[int, int, int]) -> str:
    """Of a readout of 448 samples over 448 mm, by the classes of the package ismrmrd."""
    x = ismrmrd.xsd
    encoded, recon = (
        x.encodingSpaceType(
            matrixSize=x.matrixSizeType(x=rows, y=wide, z=1),
            fieldOfView_mm=x.fieldOfViewMm(x=float(rows), y=float(wide), z=5.0),
        )
        for rows, wide in ((448, columns), (224, shown))
    )
    minimum, maximum, center = limits
    steps = x.limitType(minimum=minimum, maximum=maximum, center=center)
    encoding = x.encodingType(
        encodedSpace=encoded, reconSpace=recon, encodingLimits=x.encodingLimitsType(kspace_encoding_step_1=steps),
        trajectory=x.trajectoryType("cartesian"),
    )  # fmt: skip
    conditions = x.experimentalConditionsType(H1resonanceFrequency_Hz=127732436)
    return x.ToXML(x.ismrmrdHeader(experimentalConditions=conditions, encoding=[encoding]))


def write_mrd(
    path: Path, wide: NDArray, noise: NDArray | None, lines: NDArray, shown: int, view: str = "axial"
) -> Path:
    """`lines` of all slices, slices interleaved and the noise scan first, as scanners do it."""
    read, phase = map(np.array, VIEWS[view])
    across = np.cross(read, phase)
    with ismrmrd.Dataset(str(path), "dataset") as file:
        columns = wide.shape[-1]
        file.write_xml_header(header(columns, shown, (0, columns - 1, columns // 2)).encode())
        if noise is not None:
            scan = ismrmrd.Acquisition.from_array(noise, sample_time_us=5.0)
            scan.setFlag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
            file.append_acquisition(scan)
        for line in lines:
            for number in (*range(1, len(wide), 2), *range(0, len(wide), 2)):
                one = ismrmrd.Acquisition.from_array(np.ascontiguousarray(wide[number, :, :, line]), sample_time_us=5.0)
                one.idx.kspace_encode_step_1, one.idx.slice, one.center_sample = int(line), number, 224
                one.position[:] = np.array(FIRST_MM) + number * GAP * across
                one.read_dir[:], one.phase_dir[:], one.slice_dir[:] = read, phase, across
                file.append_acquisition(one)
    return path


def write_padded(path: Path, wide: NDArray, mask: NDArray | None = None) -> Path:
    """FastMRI HDF5: the header counts the measured columns from 0, the array holds zeros beside them."""
    first, last = PADDED
    kept = np.zeros(wide.shape[-1], bool)
    kept[first : last + 1] = True
    with h5py.File(path, "w") as file:
        file["kspace"] = wide * (kept if mask is None else kept & mask)
        file["ismrmrd_header"] = header(208, 208, (0, last - first, 104 - first))
        if mask is not None:
            file["mask"] = mask.astype(np.float32)
    return path


def bart(*words: str | Path) -> str:
    return subprocess.run(["bart", *map(str, words)], check=True, capture_output=True, text=True).stdout


def shown_by_bart(name: Path) -> NDArray[np.complex64]:
    """The array as BART prints it, in BART's order of axes, those of one entry left out."""
    sides = [int(bart("show", "-d", axis, name)) for axis in range(16)]
    words = bart("show", "-f", "%+.9e%+.9ei", name).replace("i", "j").split()
    return np.array(list(map(complex, words)), np.complex64).reshape(sides, order="F").squeeze()
