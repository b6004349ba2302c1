"""`describe_mr_images`: what `medrecon info` says of an MR series in DICOM."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medrecon.io.facts import Facts
from medrecon.io.mr_images import load_mr_series


@dataclass(frozen=True)
class MrImagesInfo(Facts):
    """Facts of a series; `matrix` is (y, x), `voxel_mm` (slice, y, x), None where the series has no place; `values` the
    smallest, median and largest.
    """

    name: str
    slices: int
    matrix: tuple[int, int]
    voxel_mm: tuple[float, float, float] | None
    values: tuple[float, float, float]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    def rows(self) -> dict[str, str]:
        """Label to text, in the order of the printed table."""
        low, middle, high = self.values
        known = self.voxel_mm is not None
        z, y, x = self.voxel_mm or (0.0, 0.0, 0.0)
        return {
            "name": self.name,
            "slices": str(self.slices),
            "matrix": f"{self.matrix[0]} x {self.matrix[1]} (y, x)",
            "voxel": f"{y:.3g} x {x:.3g} mm" if known else "unknown",
            "slice distance": f"{z:.3g} mm" if known else "unknown",
            "values": f"{low:g} to {high:g}, median {middle:g}",
            "place": "patient coordinates, from the headers" if known else "unknown: secondary captures",
        }


def describe_mr_images(path: Path) -> MrImagesInfo:
    """Facts of the series in the folder `path`, nothing of the patient among them; raises InputError."""
    values, grid = load_mr_series(path)
    voxel = None if grid.affine is None else np.linalg.norm(grid.affine[:3, :3], axis=0).tolist()
    return MrImagesInfo(
        name="MR series",  # names of folders and descriptions of series name patients
        slices=values.shape[0],
        matrix=(values.shape[1], values.shape[2]),
        voxel_mm=None if voxel is None else (voxel[0], voxel[1], voxel[2]),
        values=(float(values.min()), float(np.median(values)), float(values.max())),
    )
