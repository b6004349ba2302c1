"""Write a scan as a fastMRI multi-coil HDF5 file with an ISMRMRD header (Zbontar et al., arXiv:1811.08839).

Layout: `kspace` (slice, coil, readout, phase) complex64, readout = y oversampled twofold; `ismrmrd_header`;
`reconstruction_rss` on the recon matrix, with `max` and `norm` as attributes. Beyond the standard, where the scan
has them: `truth`, `lesion_mask`, `noise_prescan`. Nothing that identifies a person is written, nor invented.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.errors import InputError
from medrecon.operators.fourier import fft2c, ifft2c
from medrecon.scan import Scan

NAMESPACE = "http://www.ismrm.org/ISMRMRD"
PROTON_HZ_PER_T = 42_577_478.5
OVERSAMPLING = 2


def write_fastmri(
    path: str | Path,
    scan: Scan,
    *,
    readout_oversampling: bool = True,
    mantissa_bits: int | None = None,
    seed: int = 0,
) -> Path:
    """Write `scan`, whose phase axis is x, so that a fastMRI reader gives it back; whole file or none.

    The scan needs `voxel_mm`; an undersampled one also gets the standard's `mask`, and no `reconstruction_rss`.
    `readout_oversampling` doubles the field of view along y: the object there is zero, the noise follows the prescan
    and `seed`. False says that k-space is oversampled already and `scan.crop` is the recon matrix. `mantissa_bits`
    rounds k-space to so many bits, which then compress; None keeps float32.

    Raises InputError for a phase axis other than x, no voxel size, samples missing along the readout, no such folder.
    """
    path = Path(path)
    _check(scan, path)
    columns = scan.mask.any(0)
    kspace = _oversample(scan, columns, seed) if readout_oversampling else scan.kspace
    recon = scan.crop or scan.matrix
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        rounded = kspace.cpu().numpy().astype(np.complex64)
        if mantissa_bits is not None:
            rounded = round_mantissa(rounded.view(np.float32), mantissa_bits).view(np.complex64)
        _store(file, "kspace", rounded)
        file["ismrmrd_header"] = ismrmrd_header(scan, (kspace.shape[-2], kspace.shape[-1]), recon)
        file.attrs["acquisition"] = str(scan.header.get("sequence", "unknown"))
        if scan.is_fully_sampled:
            rss = _centre(ifft2c(torch.from_numpy(rounded)), recon).abs().square().sum(1).sqrt().numpy()
            _store(file, "reconstruction_rss", rss)
            file.attrs["max"], file.attrs["norm"] = float(rss.max()), float(np.linalg.norm(rss))
        else:
            file["mask"] = columns.cpu().numpy().astype(np.float32)
        extras = {"truth": scan.truth, "lesion_mask": scan.lesions, "noise_prescan": scan.noise}
        for name, value in extras.items():
            if value is not None:
                _store(file, name, value.cpu().numpy())
    return path


def ismrmrd_header(scan: Scan, encoded: tuple[int, int], recon: tuple[int, int]) -> str:
    """ISMRMRD XML for encoded and recon matrices (y = readout, x = phase), which the header calls x and y."""
    if scan.voxel_mm is None:
        raise InputError(f"{scan.name} has no voxel size, but an ISMRMRD header needs one; give voxel_mm")
    dy, dx = scan.voxel_mm
    # oversampling widens the field of view at the same pixel size
    columns = scan.lattice.any(0).nonzero().flatten()
    first, last = int(columns[0]), int(columns[-1])
    root = ElementTree.Element("ismrmrdHeader", xmlns=NAMESPACE)
    field = scan.header.get("field_strength_t")
    system: dict[str, Any] = {} if field is None else {"systemFieldStrength_T": field}
    hertz = 0 if field is None else round(PROTON_HZ_PER_T * field)
    _add(root, "acquisitionSystemInformation", system | {"receiverChannels": scan.n_coils})
    _add(root, "experimentalConditions", {"H1resonanceFrequency_Hz": hertz})
    limits = {"minimum": 0, "maximum": last - first, "center": encoded[1] // 2 - first}
    slices = {"minimum": 0, "maximum": scan.n_slices - 1, "center": scan.n_slices // 2}
    readout = {"minimum": 0, "maximum": encoded[0] - 1, "center": encoded[0] // 2}
    encoding = {
        "encodedSpace": _space(encoded, (dy, dx), scan.slice_mm),
        "reconSpace": _space(recon, (dy, dx), scan.slice_mm),
        "encodingLimits": {"kspace_encoding_step_0": readout, "kspace_encoding_step_1": limits, "slice": slices},
        "trajectory": "cartesian",
    }
    _add(root, "encoding", encoding)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def round_mantissa(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """`values` rounded to `bits` explicit mantissa bits (of 23), half away from zero."""
    drop = 23 - bits
    whole = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64) + (1 << (drop - 1))
    return (whole & ~np.uint64((1 << drop) - 1)).astype(np.uint32).view(np.float32)


def _check(scan: Scan, path: Path) -> None:
    if scan.phase_axes != ("x",):
        raise InputError(
            f"{scan.name} is phase-encoded along {scan.phase_axes}; fastMRI files need ('x',): transpose the scan"
        )
    if bool((scan.mask != scan.mask.any(0)).any()):
        raise InputError(f"{scan.name} misses samples along the readout y; fastMRI files hold whole readouts only")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; make it first")


def _oversample(scan: Scan, columns: Tensor, seed: int) -> Tensor:
    """K-space of twice the field of view along y: nothing but noise outside, sampled columns only."""
    inside = ifft2c(scan.kspace, (-2,))
    n = inside.shape[-2]
    outside = _noise_like(scan, (*inside.shape[:-2], OVERSAMPLING * n, inside.shape[-1]), seed) * columns
    start = OVERSAMPLING * n // 2 - n // 2
    outside[..., start : start + n, :] = inside
    return fft2c(outside, (-2,))


def _noise_like(scan: Scan, shape: tuple[int, ...], seed: int) -> Tensor:
    """Noise `(slice, coil, y, x)` with the covariance of the prescan; zeros where there was none."""
    if scan.noise is None:
        return scan.kspace.new_zeros(shape)
    prescan = scan.noise.to(torch.complex128)
    covariance = prescan @ prescan.mH / (2 * prescan.shape[1])
    generator = torch.Generator().manual_seed(seed)
    white = torch.view_as_complex(torch.randn((*shape, 2), generator=generator)).to(scan.kspace)
    return torch.einsum("cd,sdyx->scyx", torch.linalg.cholesky(covariance).to(scan.kspace), white)


def _centre(image: Tensor, shape: tuple[int, int]) -> Tensor:
    for axis, n in zip((-2, -1), shape, strict=True):
        image = image.narrow(axis, image.shape[axis] // 2 - n // 2, n)
    return image


def _space(matrix: tuple[int, int], voxel: tuple[float, float], slice_mm: float | None) -> dict[str, Any]:
    thickness = slice_mm if slice_mm is not None and math.isfinite(slice_mm) else 0
    fov = {"x": matrix[0] * voxel[0], "y": matrix[1] * voxel[1], "z": thickness}
    return {"matrixSize": {"x": matrix[0], "y": matrix[1], "z": 1}, "fieldOfView_mm": fov}


def _add(parent: ElementTree.Element, name: str, content: Any) -> None:
    element = ElementTree.SubElement(parent, name)
    if isinstance(content, dict):
        for key, value in content.items():
            _add(element, key, value)
    else:
        element.text = str(content)


def _store(file: h5py.File, name: str, values: NDArray) -> None:
    chunks = (1,) * (values.ndim - 2) + values.shape[-2:]
    file.create_dataset(name, data=values, chunks=chunks, compression="gzip", shuffle=True, track_times=False)
