"""The embedded demo scan: two slices of the drawn head through 8 coils, stored as a fastMRI file.

The object lives on 1024x1024 points over 448 mm (readout, twice the field of view) by 208 mm (phase); the central
448x208 samples of its k-space are the acquisition, so that data and object do not share a grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft

from medrecon.io.fastmri_write import write_fastmri
from medrecon.scan import Scan
from medrecon.simulate.anatomy import HeadSlice, draw_head
from medrecon.simulate.coils import correlated_noise, sensitivities
from medrecon.simulate.scan import Hardware, pixel_positions, prescan

COILS = 8
OBJECT = 1024
EXTENT_MM = (448.0, 208.0)
ENCODED = (448, 208)
RECON = (224, 208)
HEIGHTS_MM = (-36.0, 12.0)
WHITE_MATTER_SNR = 25.0
MANTISSA_BITS = 10


def demo_path() -> Path:
    """The embedded scan, a fastMRI HDF5 file; `make_demo` writes the same again."""
    return Path(str(files("medrecon.simulate") / "demo_brain.h5"))


def make_demo(path: str | Path, seed: int = 0) -> Path:
    """Write the demo scan drawn from `seed`; InputError if the folder of `path` does not exist."""
    return write_fastmri(path, demo_scan(seed), readout_oversampling=False, mantissa_bits=MANTISSA_BITS)


def demo_scan(seed: int = 0) -> Scan:
    """Draw and simulate the demo: k-space `(2, 8, 448, 208)` with `crop` (224, 208), truth and lesions on the crop."""
    hardware = Hardware.draw(COILS, (RECON[0] * _step(ENCODED)[0], EXTENT_MM[1]), seed)
    acquired = [_acquire(hardware, index, seed) for index in range(len(HEIGHTS_MM))]
    sigma = np.mean([a.white_signal for a in acquired]) / WHITE_MATTER_SNR
    everywhere = torch.ones(ENCODED, dtype=torch.bool)
    return Scan(
        kspace=_stack(
            [a.kspace + sigma * noise for a, noise in zip(acquired, _noise(hardware, seed), strict=True)], np.complex64
        ),
        mask=everywhere,
        lattice=everywhere,
        phase_axes=("x",),
        voxel_mm=_step(ENCODED),
        slice_mm=HEIGHTS_MM[1] - HEIGHTS_MM[0],
        crop=RECON,
        noise=prescan(hardware.covariance, float(sigma), seed),
        truth=_stack([a.truth for a in acquired], np.float32),
        lesions=_stack([a.lesions for a in acquired], np.bool_),
        name="demo_brain",
        header={"sequence": "AXT2", "field_strength_t": 3.0, "seed": seed},
    )


@final
@dataclass(frozen=True, eq=False)
class _Acquired:
    """Noise-free k-space of a slice, its combination, lesions, and white-matter signal per unit of combined noise."""

    kspace: NDArray[np.complex128]
    truth: NDArray[np.float64]
    lesions: NDArray[np.bool_]
    white_signal: float


def draw_slice(index: int, seed: int = 0) -> HeadSlice:
    """Slice `index` of the demo head on the central half (512x1024) of the object grid; the rest of it is empty."""
    y, x = _object_positions()
    return draw_head(y, x, low=index == 0, generator=np.random.default_rng([seed, 0x4EAD, index]))


def _acquire(hardware: Hardware, index: int, seed: int) -> _Acquired:
    head, z = draw_slice(index, seed), HEIGHTS_MM[index]
    y, x = _object_positions()
    image = head.signal * np.exp(1j * hardware.phase(z, y[:, None], x[None, :]))
    kspace = np.stack([_encode(s * image) for s in sensitivities(hardware.loops, hardware.gains, z, y, x)])
    maps = _recon_maps(hardware, z)
    truth = np.abs((maps.conj() * _image(kspace)).sum(0))
    # coverages seen through the same point spread function as the signal
    white, lesions = (_image(_encode(c.astype(np.complex128))).real for c in (head.white, head.lesions))
    pure = white > 0.95
    signal = truth[pure].mean() / np.sqrt(hardware.noise_gain(maps)[pure].mean())
    return _Acquired(kspace, truth, lesions > 0.5, float(signal))


def _noise(hardware: Hardware, seed: int) -> Iterator[NDArray[np.complex128]]:
    for index in range(len(HEIGHTS_MM)):
        yield correlated_noise(hardware.covariance, ENCODED, np.random.default_rng([seed, index]))


def _recon_maps(hardware: Hardware, z_mm: float) -> NDArray[np.complex128]:
    y, x = (pixel_positions(n, mm) for n, mm in zip(RECON, _step(ENCODED), strict=True))
    return sensitivities(hardware.loops, hardware.gains, z_mm, y, x)


def _step(matrix: tuple[int, int]) -> tuple[float, float]:
    return EXTENT_MM[0] / matrix[0], EXTENT_MM[1] / matrix[1]


def _object_positions() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions y of the central half of the rows, and x."""
    dy, dx = _step((OBJECT, OBJECT))
    return pixel_positions(OBJECT // 2, dy), pixel_positions(OBJECT, dx)


def _encode(image: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Central `ENCODED` samples of the orthonormal k-space of an image on the central rows of the object grid."""
    quarter = OBJECT // 4
    full = np.pad(image, ((quarter, quarter), (0, 0)))
    k = fft.fftshift(fft.fft2(fft.ifftshift(full), norm="forward"))
    rows, columns = (slice(OBJECT // 2 - n // 2, OBJECT // 2 + n // 2) for n in ENCODED)
    return k[rows, columns] * np.sqrt(np.prod(ENCODED))


def _image(kspace: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Image `(…, *RECON)` of `ENCODED` k-space: readout oversampling removed."""
    axes = (-2, -1)
    image = fft.fftshift(fft.ifft2(fft.ifftshift(kspace, axes), axes=axes, norm="ortho"), axes)
    start = ENCODED[0] // 2 - RECON[0] // 2
    return image[..., start : start + RECON[0], :]


def _stack(arrays: list[NDArray], dtype: type) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays).astype(dtype))
