"""`Problem`: everything that a method may know of a scan, built once by `medrecon.calibration`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from medrecon.operators import Coils, Fourier, LinearOperator, Mask


@dataclass(frozen=True, eq=False)
class Problem:
    """Measured k-space with calibrated physics; everything per slice, so that slices batch and split freely.

    K-space is whitened, coil-compressed and divided by `scale`, so that the 99th percentile of the combined ACS
    image is 1. Every noise figure is a standard deviation (or variance) *per real component* in these units.

    Attributes
    ----------
    kspace : `(slice, coil, y, x)` complex64, zero where not sampled.
    mask : `(y, x)` bool.
    maps : `(slice, coil, y, x)` complex64, sum_c |S_c|^2 = 1 everywhere, phase fixed by the ACS image.
    support : `(slice, y, x)` bool, False where the calibration saw only background.
    noise : `(slice,)` standard deviation of the k-space noise.
    model_error : `(slice,)` standard deviation, per sample, of what the maps cannot explain.
    kernel : `(slice, coil_out, coil_in, ky, kx)` SPIRiT kernel, None for a single coil.
    off_range : `(slice,)` mean square of (I - S S^H) x on the ACS: s_e^2 of SPIRiT-Diffusion.
    inconsistency : `(slice,)` mean square of (G - I) k on the ACS: 1 / mu of SPIRiT-Diffusion.
    intensity : `(slice, y, x)` factor that brings a combined image back to unwhitened coils with sum|S|^2 = 1.
    scale : factor from these units to the scan's.
    phase_axes, acs : phase-encoded axes, and (y, x) size of the fully sampled centre.
    slice_ids, case : who each slice is, for the random streams.
    """

    kspace: Tensor
    mask: Tensor
    maps: Tensor
    support: Tensor
    noise: Tensor
    model_error: Tensor
    kernel: Tensor | None
    off_range: Tensor
    inconsistency: Tensor
    intensity: Tensor
    scale: float
    phase_axes: tuple[str, ...]
    acs: tuple[int, int]
    slice_ids: tuple[int, ...]
    case: str = "scan"

    @property
    def n_slices(self) -> int:
        return self.kspace.shape[0]

    @property
    def device(self) -> torch.device:
        return self.kspace.device

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(slice, y, x)."""
        return self.kspace.shape[0], self.kspace.shape[-2], self.kspace.shape[-1]

    @property
    def coils(self) -> LinearOperator:
        return Coils(self.maps)

    @property
    def sampling(self) -> LinearOperator:
        """Coil images to sampled k-space."""
        return Mask(self.mask) @ Fourier(tuple(self.kspace.shape))

    @property
    def forward(self) -> LinearOperator:
        """A: combined image `(slice, y, x)` to sampled k-space `(slice, coil, y, x)`."""
        return self.sampling @ self.coils

    @property
    def data_sigma(self) -> Tensor:
        """`(slice,)` standard deviation by which data are weighed: noise and model error together."""
        return (self.noise**2 + self.model_error**2).sqrt()

    def to(self, device: torch.device | str) -> Problem:
        moved = {f.name: v.to(device) for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)}
        return replace(self, **moved)

    def select(self, part: slice) -> Problem:
        """Some of the slices."""
        per_slice = {
            f.name: v[part] for f in fields(self) if f.name != "mask" and isinstance(v := getattr(self, f.name), Tensor)
        }
        return replace(self, **per_slice, slice_ids=self.slice_ids[part])

    def repeat(self, samples: int) -> Problem:
        """Each slice `samples` times, sample running fastest: for several draws in one batch."""
        per_slice = {
            f.name: v.repeat_interleave(samples, 0)
            for f in fields(self)
            if f.name != "mask" and isinstance(v := getattr(self, f.name), Tensor)
        }
        ids = tuple(i for i in self.slice_ids for _ in range(samples))
        return replace(self, **per_slice, slice_ids=ids)

    def with_kspace(self, kspace: Tensor, mask: Tensor) -> Problem:
        """The same physics with other samples (retain-and-predict)."""
        return replace(self, kspace=kspace, mask=mask)
