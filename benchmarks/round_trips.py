"""Files that other programs wrote, read by medrecon: the image is that of the same k-space in memory; and NIfTI and
DICOM of it put every value at the place that the raw data name.

python benchmarks/round_trips.py [--method sense] [--out FILE]

The k-space is the embedded head's, oversampled readout and prescan included, written as ISMRMRD by the package ismrmrd
and as fastMRI HDF5 with padded columns; and phantoms that BART itself makes, whose numbers `bart show` prints. `bart`
must be on the path (Debian: apt-get install bart). Every file goes through `medrecon mri`. In memory the readout is cut
by NumPy's transform, so that k-space differs by rounding, which calibration makes larger: `rounding` is what a change
of each sample by 1e-7 of itself does to the image of the ISMRMRD file. Exits with 1 where a limit is passed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from pydicom import dcmread
from round_trip_files import (
    FIRST_MM,
    GAP,
    PADDED,
    VIEWS,
    bart,
    in_memory,
    raw_head,
    shown_by_bart,
    write_mrd,
    write_padded,
)  # fmt: skip
from torch import Tensor
from wavelet_vs_bart import commit

import medrecon
from medrecon.cli.main import run
from medrecon.io import load, write_json
from medrecon.masks.undersampling import Undersampling
from medrecon.operators import ifft2c
from medrecon.provenance import versions
from medrecon.scan import Scan

RESULTS = Path(__file__).parent / "results" / "round_trips.json"
ROUNDING = 1e-6
"""Of the largest sample, and of coil images: single precision."""
SAME = 1e-4
"""Of the image's norm."""
NEAR_MM, SLOPES = 0.01, 0.51
"""What a place and a stored whole number may be off."""
ACCEL, SEED = 4.0, 0
SHOWN = 163
"""Columns of 208 that the placed images show, an odd crop."""


def image_of(path: Path, folder: Path, method: str, *options: str) -> Tensor:
    """What `medrecon mri` makes of a file."""
    out = folder / "image.h5"
    command("mri", path, "-o", out, "--method", method, "--seed", SEED, *options)
    with h5py.File(out) as file:
        return torch.from_numpy(file["reconstruction_complex"][()])  # type: ignore[index]


def command(*words: object) -> None:
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        if run([*map(str, words), "--device", "cpu", "--threads", "1"]) != 0:
            raise SystemExit(said.getvalue())


def image(scan: Scan, method: str) -> Tensor:
    return medrecon.reconstruct(scan, method, device="cpu", seed=SEED).image


def peak(one: Tensor, other: Tensor) -> float:
    """Largest difference over the peak; infinite for other shapes."""
    return float((one - other).abs().max() / other.abs().max()) if one.shape == other.shape else float("inf")


def norm(one: Tensor, other: Tensor) -> float:
    """Norm of the difference over the norm."""
    return float((one - other).norm() / other.norm()) if one.shape == other.shape else float("inf")


def arrays(name: str, one: Tensor, other: Tensor) -> dict[str, Any]:
    off = peak(one, other)
    return {"check": name, "shape": list(one.shape), "of_the_peak": off, "passed": off <= ROUNDING}


def images(name: str, one: Tensor, other: Tensor) -> dict[str, Any]:
    row = {"check": name, "shape": list(one.shape), "of_the_norm": norm(one, other)}
    return {**row, "magnitude_of_the_peak": peak(one.abs(), other.abs()), "passed": row["of_the_norm"] <= SAME}


def of_heads(folder: Path, method: str) -> Iterator[dict[str, Any]]:
    """ISMRMRD and fastMRI files of the embedded head; ISMRMRD's slices ascend against the numbers given here."""
    wide, noise = raw_head()
    asked = Undersampling(None, ACCEL, None, SEED)
    every, accel = np.arange(wide.shape[-1]), ("--accel", str(ACCEL))

    scan = in_memory(wide, noise)
    expected = image(asked.of(scan), method)
    path = write_mrd(folder / "whole.h5", wide, noise, every, 208)
    yield arrays("ISMRMRD by ismrmrd: k-space", load(path).kspace, scan.kspace.flip(0))
    yield images("ISMRMRD by ismrmrd, a noise scan with it", image_of(path, folder, method, *accel), expected.flip(0))
    moved = 1 + 1e-7 * torch.randn(scan.kspace.shape, generator=torch.Generator().manual_seed(SEED))
    changed = image(asked.of(replace(scan, kspace=scan.kspace * moved)), method)
    yield {**images("rounding", changed, expected), "passed": True}

    under = asked.of(in_memory(wide, None))
    path = write_mrd(folder / "under.h5", wide, None, every[under.mask.any(0).numpy()], 208)
    yield images("ISMRMRD by ismrmrd, lines missing", image_of(path, folder, method), image(under, method).flip(0))

    scan = in_memory(wide, None, slice(PADDED[0], PADDED[1] + 1))
    path = write_padded(folder / "padded.h5", wide)
    yield arrays("fastMRI with padded columns: k-space", load(path).kspace, scan.kspace)
    expected = image(asked.of(scan), method)
    yield images("fastMRI with padded columns", image_of(path, folder, method, *accel), expected)
    path = write_padded(folder / "test.h5", wide, asked.of(scan).mask.any(0).numpy())
    yield images("fastMRI with padded columns and a mask", image_of(path, folder, method), expected)


def of_bart(folder: Path, method: str) -> Iterator[dict[str, Any]]:
    """Two slices of 128 x 128 from 8 coils, whole and with lines missing; a volume of 32 x 32 x 32 from 4."""
    both, coils, pattern, under = (folder / name for name in ("both", "coils", "pattern", "under"))
    for number, name in enumerate(("first", "second")):
        bart("phantom", "-x", 128, "-s", 8, "-k", folder / "clean")
        bart("noise", "-s", number, "-n", 10, folder / "clean", folder / name)
    bart("join", 13, folder / "first", folder / "second", both)
    bart("fft", "-iu", 3, both, coils)
    kspace, seen = (torch.from_numpy(shown_by_bart(name).transpose(3, 2, 0, 1).copy()) for name in (both, coils))
    yield arrays("cfl by BART: k-space", load(both).kspace, kspace)
    yield arrays("cfl by BART: coil images of bart fft", ifft2c(load(both).kspace), seen)

    everywhere = torch.ones(128, 128, dtype=torch.bool)
    scan = Scan(kspace, everywhere, everywhere, ("x",))
    expected = image(Undersampling(None, ACCEL, None, SEED).of(scan), method)
    yield images("cfl by BART", image_of(both, folder, method, "--accel", str(ACCEL)), expected)
    bart("upat", "-Y", 128, "-Z", 1, "-y", 3, "-z", 1, "-c", 24, pattern)
    bart("fmac", both, pattern, under)
    lines = torch.from_numpy(shown_by_bart(pattern) != 0).expand(128, -1)
    expected = image(scan.undersample(lines), method)
    yield images("cfl by BART, lines missing", image_of(under, folder, method), expected)

    bart("phantom", "-3", "-x", 32, "-s", 4, "-k", folder / "volume")
    bart("fft", "-iu", 7, folder / "volume", coils)
    volume = torch.from_numpy(shown_by_bart(coils).transpose(2, 3, 0, 1).copy())
    yield arrays("cfl by BART: a volume of bart fft", ifft2c(load(folder / "volume").kspace), volume)


def of_places(folder: Path) -> Iterator[dict[str, Any]]:
    """NIfTI and DICOM of three slices and of one of them, against each other and the positions in the readouts."""
    wide, _ = raw_head()
    wide = np.concatenate([wide, wide[:1]])
    for view in VIEWS:
        path = write_mrd(folder / f"{view}.h5", wide, None, np.arange(208), SHOWN, view)
        for part in ("0:3", "1:2"):
            made = folder / f"{view} {part[0]}"
            made.mkdir()
            outs = [made / name for name in ("a.h5", "a.nii", "series")]
            for out in outs:
                command("mri", path, "-o", out, "--method", "zero-filled", "--slices", part)
            yield {"check": f"places, {view}, slices {part}", **_compared(outs, view, part)}


def _compared(outs: list[Path], view: str, part: str) -> dict[str, Any]:
    with h5py.File(outs[0]) as file:
        array = file["reconstruction"][()]  # type: ignore[index]
    nifti: Any = nib.load(outs[1])  # type: ignore[attr-defined]
    read, phase = map(np.array, VIEWS[view])
    # image slices ascend along cross(phase, read), their numbers in the file along cross(read, phase)
    numbers = np.arange(3)[::-1][slice(*map(int, part.split(":")))]
    grid = np.stack([np.cross(read, phase) * GAP, read, phase], 1)
    affine = np.diag([-1, -1, 1]) @ nifti.affine[:3, :3]
    mm, slopes = np.zeros(2), 0.0
    for piece in map(dcmread, sorted(outs[2].iterdir())):
        place, stored = pixels(piece)
        (number, row, column), raw = nearest(place - FIRST_MM, grid)
        voxel, written = nearest(place - nifti.affine[:3, 3] * [-1, -1, 1], affine)
        mm = np.maximum(mm, [raw, written])
        ours = array[np.searchsorted(-numbers, -number), row + array.shape[1] // 2, column + array.shape[2] // 2]
        off = max(np.abs(held - stored).max() for held in (ours, nifti.get_fdata()[voxel]))
        slopes = max(slopes, float(off) / float(piece.RescaleSlope))
    passed = bool(mm.max() <= NEAR_MM and slopes <= SLOPES)
    return {
        "shape": list(array.shape), "mm_from_the_readouts": float(mm[0]), "mm_between_nifti_and_dicom": float(mm[1]),
        "slopes_between_values": slopes, "passed": passed,
    }  # fmt: skip


def nearest(mm: NDArray, axes: NDArray) -> tuple[tuple[NDArray, ...], float]:
    """Whole indices along the columns of `axes` nearest to the points `mm`, and how far the farthest is off, in mm."""
    index = mm @ np.linalg.inv(axes).T
    whole = np.rint(index)
    return tuple(np.moveaxis(whole.astype(int), -1, 0)), float(np.linalg.norm((index - whole) @ axes.T, axis=-1).max())


def pixels(part: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mm (left, back, head) of each pixel, by DICOM PS3.3, C.7.6.2.1.1, and its value."""
    x, y = np.array(part.ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = map(float, part.PixelSpacing)
    rows, columns = np.mgrid[: part.Rows, : part.Columns][..., None]
    mm = np.array(part.ImagePositionPatient, float) + columns * between_columns * x + rows * between_rows * y
    return mm, part.pixel_array * float(part.RescaleSlope)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="sense")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if shutil.which("bart") is None:
        raise SystemExit("bart is not on the path; install Debian's package bart")
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for found in (of_heads(folder, options.method), of_bart(folder, options.method), of_places(folder)):
            for row in found:
                print(row, flush=True)
                rows.append(row)
    used = {"ismrmrd": ismrmrd.__version__, "bart": bart("version").strip(), "nibabel": nib.__version__}
    record = {
        "method": options.method, "accel": ACCEL, "seed": SEED, "passed": all(row["passed"] for row in rows),
        "limits": {"of_the_peak": ROUNDING, "of_the_norm": SAME, "mm": NEAR_MM, "slopes": SLOPES},
        "commit": commit(), "versions": {**versions(torch.device("cpu")), **used}, "rows": rows,
    }  # fmt: skip
    write_json(record, options.out)
    sys.exit(0 if record["passed"] else 1)


if __name__ == "__main__":
    main()
