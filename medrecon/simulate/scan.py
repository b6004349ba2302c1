"""A multi-coil scan made from magnitude images: phase, coils, k-space, correlated noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medrecon.errors import InputError
from medrecon.evaluation.foreground import foreground_mask
from medrecon.operators.fourier import fft2c
from medrecon.scan import Scan
from medrecon.simulate.coils import Loop, array_around, correlated_noise, loading, noise_covariance, sensitivities
from medrecon.simulate.phase import HeadPhase, draw_phase

PRESCAN_SAMPLES = 4096
_HARDWARE, _PRESCAN = 0xC011, 0x9015E


def evaluation_slices(n: int, count: int = 10) -> tuple[int, ...]:
    """`count` slices evenly spaced from 25 to 80 % of a volume of `n` (evaluation.md 1); fewer of a thin volume."""
    return tuple(sorted({round(float(p) * (n - 1)) for p in np.linspace(0.25, 0.80, count)}))


def pixel_positions(n: int, pixel_mm: float) -> NDArray[np.float64]:
    """`(n,)` pixel centres in mm; the origin lies on index n // 2, as the Fourier transform has it."""
    return (np.arange(n, dtype=np.float64) - n // 2) * pixel_mm


@final
@dataclass(frozen=True)
class Hardware:
    """What stays the same for all slices of one simulated scan."""

    loops: list[Loop]
    gains: NDArray[np.complex128]
    covariance: NDArray[np.complex128]
    phase: HeadPhase

    @staticmethod
    def draw(coils: int, fov_mm: tuple[float, float], seed: int) -> Hardware:
        generator = np.random.default_rng([seed, _HARDWARE])
        return Hardware(
            loops=array_around(coils, fov_mm),
            gains=loading(coils, generator),
            covariance=noise_covariance(coils, generator),
            phase=draw_phase(generator, radius_mm=0.42 * max(fov_mm)),
        )

    def noise_gain(self, maps: NDArray[np.complex128]) -> NDArray[np.float64]:
        """`(y, x)` noise variance of the combined image per unit of coil noise variance: S^H C S."""
        return np.einsum("cyx,cd,dyx->yx", maps.conj(), self.covariance, maps).real


def phase_along_x(volume: NDArray, voxel_mm: tuple[float, float]) -> tuple[NDArray, tuple[float, float]]:
    """Transpose `(slice, y, x)` if need be, so that the shorter in-plane extent of the head lies along x.

    Phase encoding takes the short side of a head; fastMRI stores it as the last axis.
    """
    head = foreground_mask(np.ascontiguousarray(volume)).numpy()
    extent = [np.median(_extents(np.asarray(head.any(2 - axis)))) * voxel_mm[axis] for axis in (0, 1)]
    if extent[1] <= extent[0]:
        return volume, voxel_mm
    return np.swapaxes(volume, 1, 2), (voxel_mm[1], voxel_mm[0])


def _extents(lines: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Distance from the first to the last True of each row `(slice, n)` that has one."""
    rows = lines[lines.any(1)]
    return rows.shape[1] - rows.argmax(1) - rows[:, ::-1].argmax(1) if len(rows) else np.zeros(1, np.int64)


@final
@dataclass(frozen=True)
class _Simulation:
    """The slices to be simulated, in scan orientation, with the hardware that sees them."""

    magnitude: NDArray[np.float64]
    voxel_mm: tuple[float, float]
    slice_mm: float
    slices: tuple[int, ...]
    hardware: Hardware

    def maps(self) -> Iterator[NDArray[np.complex128]]:
        """True maps `(coil, y, x)` slice by slice."""
        y, x = (pixel_positions(n, mm) for n, mm in zip(self.magnitude.shape[1:], self.voxel_mm, strict=True))
        for z in self._heights():
            yield sensitivities(self.hardware.loops, self.hardware.gains, z, y, x)

    def objects(self) -> Iterator[NDArray[np.complex128]]:
        """Complex object `(y, x)` slice by slice."""
        y, x = (pixel_positions(n, mm) for n, mm in zip(self.magnitude.shape[1:], self.voxel_mm, strict=True))
        for i, z in zip(self.slices, self._heights(), strict=True):
            yield self.magnitude[i] * np.exp(1j * self.hardware.phase(z, y[:, None], x[None, :]))

    def _heights(self) -> list[float]:
        return [(i - (len(self.magnitude) - 1) / 2) * self.slice_mm for i in self.slices]


def _simulation(
    volume: NDArray,
    voxel_mm: tuple[float, float],
    slice_mm: float,
    coils: int,
    seed: int,
    slices: Iterable[int] | None,
) -> _Simulation:
    volume = np.asarray(volume)
    if volume.ndim != 3 or not np.isfinite(volume).all():
        raise InputError(f"the volume has shape {volume.shape}; give finite magnitudes (slice, y, x)")
    if coils < 1:
        raise InputError(f"{coils} coils were asked for; give at least 1")
    if seed < 0:
        raise InputError(f"the seed is {seed}; give 0 or more")
    volume, voxel_mm = phase_along_x(volume, voxel_mm)
    fov = (volume.shape[1] * voxel_mm[0], volume.shape[2] * voxel_mm[1])
    chosen = tuple(range(len(volume)) if slices is None else slices)
    if not chosen or min(chosen) < 0 or max(chosen) >= len(volume):
        raise InputError(
            f"slices {chosen} do not lie within the {len(volume)} slices of the volume; choose some of them"
        )
    return _Simulation(volume.astype(np.float64), voxel_mm, slice_mm, chosen, Hardware.draw(coils, fov, seed))


def simulate_scan(
    volume: NDArray,
    voxel_mm: tuple[float, float],
    *,
    slice_mm: float,
    coils: int = 8,
    snr: float = 40.0,
    seed: int = 0,
    slices: Iterable[int] | None = None,
    name: str = "simulated",
) -> Scan:
    """Simulate a fully sampled scan of magnitudes `(slice, y, x)` that hold nothing zero-filled (`simulate.acquired`).

    The shorter extent of the head becomes the phase axis x. Coils, phase and noise covariance follow from `seed` and
    are shared by all slices; the noise of a slice follows from (seed, slice) whatever else is simulated with it.

    `volume` holds all slices, `slices` says which of them to simulate (all by default). `voxel_mm` is the pixel size
    (y, x). `snr` is the mean foreground magnitude of the simulated slices over the noise standard deviation, per real
    component, of their combined images.

    The Scan has `truth`, the noise-free combination with the true maps, and a noise prescan. Raises InputError for a
    wrong shape, values that are not finite, no signal, slices outside the volume, an snr that is not positive.
    """
    if not snr > 0:
        raise InputError(f"snr is {snr}; give a positive number")
    simulation = _simulation(volume, voxel_mm, slice_mm, coils, seed, slices)
    hardware = simulation.hardware
    clean, gains = [], []
    for maps, image in zip(simulation.maps(), simulation.objects(), strict=True):
        clean.append(fft2c(torch.from_numpy(maps * image)).to(torch.complex64))
        gains.append(hardware.noise_gain(maps))
    # maps have sum|S|^2 = 1 and share the object's grid, so the noise-free combination is the magnitude itself
    truth = simulation.magnitude[list(simulation.slices)]
    sigma = _noise_level(truth, np.stack(gains), snr)
    kspace = torch.stack([
        k + _slice_noise(hardware, sigma, tuple(k.shape[1:]), seed, i)
        for k, i in zip(clean, simulation.slices, strict=True)
    ])  # fmt: skip
    everywhere = torch.ones(kspace.shape[-2:], dtype=torch.bool)
    return Scan(
        kspace=kspace,
        mask=everywhere,
        lattice=everywhere,
        phase_axes=("x",),
        voxel_mm=(float(simulation.voxel_mm[0]), float(simulation.voxel_mm[1])),
        slice_mm=float(slice_mm),
        noise=prescan(hardware.covariance, sigma, seed),
        truth=torch.from_numpy(truth.astype(np.float32)),
        name=name,
        header={"sequence": "simulated", "field_strength_t": 3.0, "snr": float(snr), "seed": int(seed)},
    )


def true_maps(
    volume: NDArray,
    voxel_mm: tuple[float, float],
    *,
    slice_mm: float,
    coils: int = 8,
    seed: int = 0,
    slices: Iterable[int] | None = None,
) -> Tensor:
    """Maps `(slice, coil, y, x)` complex64 that `simulate_scan` used with the same arguments: for oracle rows."""
    simulation = _simulation(volume, voxel_mm, slice_mm, coils, seed, slices)
    return torch.stack([torch.from_numpy(m).to(torch.complex64) for m in simulation.maps()])


def prescan(covariance: NDArray[np.complex128], sigma: float, seed: int) -> Tensor:
    """`(coil, 4096)` complex64 samples of noise alone, with standard deviation `sigma` per real component."""
    noise = correlated_noise(covariance, (PRESCAN_SAMPLES,), np.random.default_rng([seed, _PRESCAN]))
    return torch.from_numpy(sigma * noise).to(torch.complex64)


def _slice_noise(hardware: Hardware, sigma: float, shape: tuple[int, ...], seed: int, index: int) -> Tensor:
    noise = correlated_noise(hardware.covariance, shape, np.random.default_rng([seed, index]))
    return torch.from_numpy(sigma * noise).to(torch.complex64)


def _noise_level(truth: NDArray[np.float64], noise_gain: NDArray[np.float64], snr: float) -> float:
    """Coil noise per real component that gives the foreground SNR asked for."""
    inside = foreground_mask(truth).numpy()
    if not inside.any():
        raise InputError("the chosen slices hold no signal; give magnitude images of a head")
    return float(truth[inside].mean() / snr / np.sqrt(noise_gain[inside].mean()))
