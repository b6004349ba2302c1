"""The fastMRI HDF5 format (Zbontar et al. 2018, arXiv:1811.08839): k-space (slice, coil, readout, phase).

The readout (y) is oversampled twofold and the phase axis (x) padded with columns that were never measured. The first
is removed here, the second is kept out of the lattice; finished images are cropped to the header's recon space.
"""

from pathlib import Path

import h5py
import torch
from torch import Tensor

from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.io import datasets
from medrecon.io.ismrmrd_header import Header, Limits, header_identity, parse_header
from medrecon.io.lattice import Sampling, detect_sampling, sampled_points
from medrecon.operators import fft2c, ifft2c
from medrecon.scan import Scan

HEADER = "ismrmrd_header"


def is_fastmri(file: h5py.File) -> bool:
    """Whether the file carries an ISMRMRD header."""
    return datasets.find(file, HEADER) is not None


def read(file: h5py.File, path: Path, *, keep_identity: bool = False) -> Scan:
    """A scan of a fastMRI file; `mask`, `noise_prescan`, `truth` and `lesion_mask` are honoured where present.

    Raises InputError for a bad header and bad k-space.
    """
    header = parse_header(file[HEADER][()], path)  # type: ignore[index]
    kspace = _kspace(file, path)
    matrix = (kspace.shape[-2], kspace.shape[-1])
    points = sampled_points(kspace)
    mask = datasets.read_mask(datasets.find(file, "mask"), matrix, "x", path)
    sampling = _within_limits(points if mask is None else points & mask, header.limits, path)
    voxel = _voxel(header, matrix)

    wanted = min(header.recon.matrix[0], matrix[0])
    if sampling.phase_axes == ("x",) and wanted < matrix[0]:
        kspace = remove_oversampling(kspace * sampling.mask, wanted)
        sampling = resample_readout(sampling, wanted)
    crop = min(header.recon.matrix[0], kspace.shape[-2]), min(header.recon.matrix[1], kspace.shape[-1])
    grid = (kspace.shape[0], *crop)
    return Scan(
        kspace=kspace * sampling.mask,
        mask=sampling.mask,
        lattice=sampling.lattice,
        phase_axes=sampling.phase_axes,
        voxel_mm=voxel,
        slice_mm=_slice_distance(header),
        crop=crop,
        noise=datasets.read_noise(datasets.find(file, "noise_prescan"), kspace.shape[1], path),
        truth=datasets.read_volume(datasets.find(file, "truth"), grid, path),
        lesions=datasets.read_lesions(datasets.find(file, "lesion_mask"), grid, path),
        name=path.stem,
        header=_facts(file, header, keep_identity),
    )


def remove_oversampling(kspace: Tensor, size: int) -> Tensor:
    """Keep the central `size` pixels along y of `(slice, coil, y, x)`, and return to k-space.

    Exact: every column is an orthonormal transform, a crop about n // 2, and the transform back, so that white
    noise stays white with the same variance.
    """
    width = kspace.shape[-1]
    return torch.stack([fft2c(centre_crop(ifft2c(part, (-2,)), (size, width)), (-2,)) for part in kspace])


def _kspace(file: h5py.File, path: Path) -> Tensor:
    """(slice, coil, y, x); single-coil files leave the coil axis out."""
    dataset = datasets.require_kspace(file, path)
    datasets.check_kspace_layout(dataset.dtype, dataset.shape, path)
    if len(dataset.shape) not in (3, 4):
        raise InputError(
            f"{path}: k-space has shape {dataset.shape}, expected the fastMRI layout (slice, coil, readout, phase), "
            "or (slice, readout, phase) for one coil; store it so"
        )
    kspace = datasets.as_kspace(dataset[()], path)
    return kspace if kspace.ndim == 4 else kspace[:, None]


def _within_limits(points: Tensor, limits: Limits | None, path: Path) -> Sampling:
    """Sampling on the columns that the encoding limits cover, or as detected where the header has none."""
    if limits is None:
        return _nonempty(detect_sampling(points, ("x",)), path)
    covered = torch.zeros_like(points)
    covered[:, acquired_columns(points.shape[-1], limits)] = True
    sampling = _nonempty(detect_sampling(points & covered, ("x",)), path)
    # rows may end early too (asymmetric echo): those are detected
    rows = sampling.lattice.any(1, keepdim=True)
    return Sampling(sampling.mask, rows & covered, sampling.phase_axes)


def _nonempty(sampling: Sampling, path: Path) -> Sampling:
    if not bool(sampling.mask.any()):
        raise InputError(f"{path}: no sample lies within both its mask and its encoding limits; mend the header")
    return sampling


def acquired_columns(width: int, limits: Limits) -> slice:
    """Columns that were encoded: step `centre` stands at the centre width // 2 of the array.

    For arrays as wide as the encoded matrix these are fastMRI's padding limits, left = encoded_y // 2 - centre and
    right = left + maximum + 1.
    """
    left = width // 2 - limits.centre
    return slice(max(left + limits.minimum, 0), min(max(left + limits.maximum + 1, 0), width))


def resample_readout(sampling: Sampling, size: int) -> Sampling:
    """The same sampling on `size` rows that span the same extent of k-space."""
    old = sampling.lattice.shape[0]
    frequency = (torch.arange(size) - size // 2) * old / size + old // 2
    nearest = frequency.round().long().clamp(0, old - 1)
    return Sampling(sampling.mask[nearest], sampling.lattice[nearest], sampling.phase_axes)


def _voxel(header: Header, matrix: tuple[int, int]) -> tuple[float, float] | None:
    """Pixel (y, x) of the k-space grid: the encoded field of view over the array's own size."""
    readout, phase, _ = header.encoded.fov_mm
    return None if readout is None or phase is None else (readout / matrix[0], phase / matrix[1])


def _slice_distance(header: Header) -> float | None:
    thickness = header.recon.fov_mm[2]
    return None if thickness is None else thickness / header.recon.matrix[2]


def _facts(file: h5py.File, header: Header, keep_identity: bool) -> dict[str, object]:
    facts: dict[str, object] = {"format": "fastMRI HDF5", **header.facts}
    if "acquisition" in file.attrs:
        facts["sequence"] = datasets.text(file.attrs["acquisition"])
    named = header_identity(file[HEADER][()]) if keep_identity else {}  # type: ignore[index]
    return {**facts, **named, **datasets.identity(file.attrs, keep_identity)}
