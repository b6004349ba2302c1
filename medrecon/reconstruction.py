"""`Reconstruction`: the finished image of a scan, how sure one can be of it, and what made it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What `medrecon.reconstruct` returns: images in the scan's own units on the cropped output grid.

    Attributes
    ----------
    image : `(slice, y, x)` complex64.
    zero_filled : `(slice, y, x)` float, magnitude of the zero-filled image on the same grid.
    std : `(slice, y, x)` float standard deviation of the magnitude over samples, None for a single sample.
    spread : what `std` is worth: "posterior" or "spread, not calibrated".
    residual : per slice ||A u - y|| / (sigma sqrt(2 n)), None where the noise level is unknown.
    holdout_nmse : NMSE on withheld samples, None where nothing was withheld.
    seconds_per_slice, calibration_seconds_per_slice : wall time, the first with calibration in it.
    network_calls : a slice, all samples together.
    peak_memory_mib : peak memory of the device (CUDA) or of the process (CPU).
    reference : `(slice, y, x)` float magnitude to score against, None where there is none.
    reference_kind : "simulated", "combined" or "rss", None without a reference.
    scores : the `scores` of the provenance, None without a reference.
    voxel_mm, slice_mm : pixel size (y, x) and distance of slices in mm, None where unknown.
    affine : `(4, 4)` takes an index (slice, y, x, 1) of `image` to mm towards the patient's left, posterior and head;
        None where the file does not say where it lies.
    header : facts of the scan's header. Identity stands in it only where it was asked for on loading, and is written
        by a DICOM series alone, where it is asked for again.
    warnings : what may be wrong with the image, one sentence each without a full stop.
    provenance : everything that made the image, ready for JSON.
    """

    image: Tensor
    zero_filled: Tensor
    std: Tensor | None = None
    spread: str = "spread, not calibrated"
    residual: tuple[float, ...] | None = None
    holdout_nmse: float | None = None
    seconds_per_slice: float = 0.0
    calibration_seconds_per_slice: float = 0.0
    network_calls: int = 0
    peak_memory_mib: float | None = None
    reference: Tensor | None = None
    reference_kind: str | None = None
    scores: Mapping[str, Any] | None = None
    voxel_mm: tuple[float, float] | None = None
    slice_mm: float | None = None
    affine: NDArray[np.float64] | None = None
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def magnitude(self) -> Tensor:
        """`(slice, y, x)` float."""
        return self.image.abs()

    @property
    def n_slices(self) -> int:
        return self.image.shape[0]

    def summary(self) -> dict[str, str]:
        """The facts worth a glance, label to text."""
        made = self.provenance
        rows = {
            "method": str(made.get("method", "unknown")),
            "image": f"{' x '.join(map(str, self.image.shape))} (slice, y, x)",
            "net acceleration": _number(made.get("net_acceleration")),
            "seconds a slice": f"{self.seconds_per_slice:.2f}",
            "network calls": str(self.network_calls),
        }
        if self.residual:
            rows["residual"] = f"{sum(self.residual) / len(self.residual):.2f}"
        if self.scores:
            mean = self.scores["method"]["mean"]
            rows["PSNR / SSIM"] = f"{mean['psnr']:.2f} dB / {mean['ssim']:.3f} ({self.scores['protocol']})"
        return rows

    def _repr_html_(self) -> str:
        from medrecon.io.thumbnail import grey_png

        png = base64.b64encode(grey_png(self.magnitude[self.n_slices // 2])).decode()
        cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self.summary().items())
        return f'<table>{cells}</table><img alt="middle slice" src="data:image/png;base64,{png}"/>'


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
