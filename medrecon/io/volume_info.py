"""`describe_volume`: what `medrecon info` says of a CT volume."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from medrecon.io.facts import Facts
from medrecon.volume import DicomSource, Volume


@dataclass(frozen=True)
class VolumeInfo(Facts):
    """Facts of a volume.

    `matrix` is (y, x), `voxel_mm` (slice, y, x); `hu` the smallest, median and largest measured value, None where
    nothing was measured; `padding` the share of pixels that were not; `tilt_degrees` the shear of the stack.
    """

    name: str
    slices: int
    matrix: tuple[int, int]
    voxel_mm: tuple[float, float, float]
    tilt_degrees: float
    from_dicom: bool
    hu: tuple[float, float, float] | None
    padding: float
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    def rows(self) -> dict[str, str]:
        """Label to text, in the order of the printed table."""
        z, y, x = self.voxel_mm
        spaced = "no gap between slices" if self.from_dicom else "as the file says"
        tilt = f", gantry tilted by {self.tilt_degrees:.1f} degrees" if self.tilt_degrees >= 0.1 else ""
        rows = {
            "name": self.name,
            "slices": str(self.slices),
            "matrix": f"{self.matrix[0]} x {self.matrix[1]} (y, x)",
            "voxel": f"{y:.3g} x {x:.3g} mm",
            "slice distance": f"{z:.3g} mm, {spaced}{tilt}",
            "HU": "nothing measured" if self.hu is None else "{:g} to {:g}, median {:g}".format(*_ends_first(self.hu)),
            "padding": f"{100 * self.padding:.1f} % of the pixels" if self.padding else "none",
        }
        return rows | {f"warning {i}": text for i, text in enumerate(self.warnings, 1)}


def describe_volume(volume: Volume) -> VolumeInfo:
    """Facts of `volume`."""
    measured = volume.values.flatten() if volume.padding is None else volume.values[~volume.padding]
    low, high = torch.aminmax(measured) if measured.numel() else (None, None)
    return VolumeInfo(
        name=volume.name,
        slices=volume.n_slices,
        matrix=(volume.values.shape[1], volume.values.shape[2]),
        voxel_mm=volume.voxel_mm,
        tilt_degrees=volume.tilt_degrees,
        from_dicom=isinstance(volume.source, DicomSource),
        hu=None if low is None or high is None else (float(low), float(measured.median()), float(high)),
        padding=0.0 if volume.padding is None else float(volume.padding.float().mean()),
        warnings=volume.warnings,
    )


def _ends_first(hu: tuple[float, float, float]) -> tuple[float, float, float]:
    return hu[0], hu[2], hu[1]
